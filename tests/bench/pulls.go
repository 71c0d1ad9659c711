package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"example.com/container-go/tests/bench/starter"
)

// pull is one way to get an image into a directory.
type pull struct {
	name    string
	missing string // why this machine cannot run it, or ""
	keeps   bool   // layers, for other images that share them
	command func(dir, ref string) starter.Command
}

const (
	lesson5     = "lesson 5"
	gunzipAlone = "gunzip alone"
)

// pullers are the programs that pull, as root.
func (b *bench) pullers() []pull {
	lesson6In := func(program string) func(dir, ref string) starter.Command {
		return func(dir, ref string) starter.Command { return b.lesson6In(program, dir, root, ref, "true") }
	}
	all := []pull{
		{name: lesson5, command: func(dir, ref string) starter.Command {
			return b.as(root, b.programs.pull, "--image="+ref, "--output="+filepath.Join(dir, "rootfs"))
		}},
		{name: lesson6, keeps: true, command: lesson6In(b.programs.runtime)},
		{name: "podman pull", keeps: true, missing: runner{program: "podman"}.missing(), command: func(dir, ref string) starter.Command {
			return b.podmanPull(root, dir, ref)
		}},
		{name: "crane.Export | tar", command: func(dir, ref string) starter.Command {
			return b.as(root, "sh", "-c", `"$0" export "$1" | tar -x -C "$2"`, b.self, ref, dir)
		}},
	}
	if b.programs.other != "" {
		all = append(all, pull{name: otherLesson, keeps: true, command: lesson6In(b.programs.other)})
	}
	return all
}

const pullsNote = "The ratios are lesson 5's and lesson 6's time divided by the other program's in the same round. " +
	"Lesson 6 also runs `true` in the image that it pulled. " +
	"The floor is gunzip alone: it decompresses the same bytes from a file, by the library that the lessons use, and writes nothing. " +
	"Memory is the peak of the largest process that was waited for."

// describePulls adds the sizes to the note. A process that needs less memory than the
// one that started it still shows as large as that.
func (b *bench) describePulls(layers []layer) (string, error) {
	plain, compressed := 0, 0
	for _, l := range layers {
		plain += l.size
		compressed += len(l.blob)
	}
	least, err := b.once(b.as(root, "true"))
	return fmt.Sprintf("%s No peak below %.0f MiB can be seen. The image has %d files of its own, %d MB, and %d MB compressed.",
		pullsNote, float64(least.Peak)/(1<<20), b.options.files, plain/1e6, compressed/1e6), err
}

// pulls measures the pull of one layer and of twelve, on a disk and in memory.
func (b *bench) pulls() error {
	table := section{
		Name:    "pulls",
		Title:   "Pulls: from a registry on loopback to a root filesystem",
		Note:    pullsNote,
		Subject: "program", Seconds: true, Memory: true, Ratios: []string{"lesson 5 ÷ it", ratioOfLesson6},
	}
	for _, place := range []string{"disk", inMemory} {
		for _, kind := range []struct {
			name, title string
			ref         func() (string, error)
			layers      *[]layer
		}{
			{"one", "one layer", b.images.large, &b.images.one}, {"twelve", "12 layers", b.images.layered, &b.images.twelve},
		} {
			what := "pulls/" + place + "/" + kind.name
			if !b.wanted(what) {
				continue
			}
			ref, err := kind.ref()
			if err != nil {
				return err
			}
			if table.Note, err = b.describePulls(*kind.layers); err != nil {
				return err
			}
			all, err := b.measurePulls(what, place, ref, *kind.layers)
			if err != nil {
				return err
			}
			for _, s := range all {
				r := newRow(kind.title+", "+place, s)
				for column, name := range []string{lesson5, lesson6} {
					if ours := find(all, name); ours != nil && s.name != name {
						r.ratio(column, ratios(ours.walls(), s.walls()))
					}
				}
				table.Rows = append(table.Rows, r)
			}
		}
	}
	b.report.add(table)
	return nil
}

func (b *bench) measurePulls(what, place, ref string, layers []layer) ([]series, error) {
	dir, err := b.place(place)
	if err != nil {
		return nil, err
	}
	blobs, err := writeBlobs(dir, layers)
	if err != nil {
		return nil, err
	}
	target := filepath.Join(dir, "target")
	subjects := []subject{{name: gunzipAlone, commands: func() ([]starter.Command, error) {
		return []starter.Command{b.as(root, append([]string{b.self, "gunzip"}, blobs...)...)}, nil
	}}}
	for _, p := range b.pullers() {
		if p.missing != "" {
			b.report.leaveOut(what, p.name, p.missing)
			continue
		}
		subjects = append(subjects, subject{
			name:    p.name,
			prepare: func() error { return b.renew(target) },
			commands: func() ([]starter.Command, error) {
				return []starter.Command{p.command(target, ref)}, nil
			},
		})
	}
	all, err := b.measure(what, b.options.pulls, subjects)
	if err != nil {
		return nil, err
	}
	return all, b.renew(target)
}

// inMemory is the name of the place that is a tmpfs.
const inMemory = "tmpfs"

// place is a directory on a disk, or in memory.
func (b *bench) place(name string) (string, error) {
	if _, err := b.home(root); err != nil {
		return "", err
	}
	dir := filepath.Join(b.dir, name)
	if name == inMemory {
		return dir, mountTmpfs(dir)
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// renew makes a directory for the next run. Memory is given back at once.
func (b *bench) renew(dir string) error {
	if filepath.Base(filepath.Dir(dir)) == inMemory {
		return errors.Join(starter.RemoveTree(dir), os.Mkdir(dir, 0o755))
	}
	return starter.SetAside(dir, filepath.Join(b.dir, "trash"))
}

// writeBlobs writes compressed layers to files.
func writeBlobs(dir string, layers []layer) ([]string, error) {
	var paths []string
	for i, l := range layers {
		path := filepath.Join(dir, fmt.Sprintf("layer-%d.tar.gz", i))
		if err := os.WriteFile(path, l.blob, 0o644); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}
