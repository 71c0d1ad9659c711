package image

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/05-oci-pull/printable"
)

// Config is what an image says about itself (image-spec config.md). Of the rest, such
// as exposed ports and the history, nothing is read, and nothing in it can be wrong.
type Config struct {
	Platform   v1.Platform
	Env        []string
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	User       string
	Volumes    []string // absolute paths of directories that hold data, sorted

	diffIDs []v1.Hash
}

func parseConfig(raw []byte) (Config, error) {
	var file struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
		RootFS       struct {
			DiffIDs list[hash] `json:"diff_ids"`
		} `json:"rootfs"`
		Config struct {
			Env             list[string]
			Entrypoint, Cmd words
			WorkingDir      string
			User            string
			Volumes         keys
		} `json:"config"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return Config{}, jsonError(err)
	}
	own := file.Config
	c := Config{
		Platform:   normalize(v1.Platform{OS: file.OS, Architecture: file.Architecture, Variant: file.Variant}),
		Env:        own.Env,
		Entrypoint: own.Entrypoint.list,
		Cmd:        own.Cmd.list,
		WorkingDir: own.WorkingDir,
		User:       own.User,
	}
	// As for Docker, an entrypoint of an empty word is none.
	if len(c.Entrypoint) == 1 && c.Entrypoint[0] == "" {
		c.Entrypoint = nil
	}
	for _, id := range file.RootFS.DiffIDs {
		c.diffIDs = append(c.diffIDs, id.Hash)
	}
	for _, volume := range own.Volumes {
		volume = path.Clean("/" + volume)
		if volume == "/" {
			return c, fmt.Errorf("has a volume that is the root directory")
		}
		c.Volumes = append(c.Volumes, volume)
	}
	slices.Sort(c.Volumes)
	if c.Volumes = slices.Compact(c.Volumes); len(c.Volumes) > maxVolumes {
		return c, fmt.Errorf("has more than %d volumes", maxVolumes)
	}
	// No argument of a system call can hold one (execve(2)).
	for _, text := range slices.Concat(c.Env, c.Entrypoint, c.Cmd, c.Volumes, []string{c.WorkingDir, c.User}) {
		if strings.ContainsRune(text, 0) {
			return c, fmt.Errorf("has a zero byte in %s", printable.Line(text))
		}
	}
	return c, nil
}
