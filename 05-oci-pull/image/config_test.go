package image

import (
	"slices"
	"strings"
	"testing"
)

// Configs come from many builders. What Docker reads, we read in the same way.
func TestOddConfigs(t *testing.T) {
	for _, c := range []struct {
		fields           string
		entrypoint, cmd  []string
		volumes, refused string
	}{
		{fields: ``},
		{fields: `"Entrypoint":null,"Cmd":null`},
		{fields: `"Entrypoint":[],"Cmd":[]`},
		{fields: `"Entrypoint":[""],"Cmd":["a"]`, cmd: []string{"a"}},
		{fields: `"Entrypoint":["a"],"Cmd":[""]`, entrypoint: []string{"a"}, cmd: []string{""}},
		{fields: `"Cmd":[""]`, cmd: []string{""}},
		{fields: `"Entrypoint":"a b","Cmd":"c"`, entrypoint: []string{"a b"}, cmd: []string{"c"}},
		{fields: `"Entrypoint":{}`, refused: "an object where a list should be"},
		{fields: `"Cmd":[1]`, refused: "number"},
		{fields: `"Env":null,"User":null,"WorkingDir":null,"Volumes":null,"ExposedPorts":null`},
		{fields: `"Env":{}`, refused: "an object where a list should be"},
		{fields: `"User":1000`, refused: "number"},
		{fields: `"ExposedPorts":["80/tcp"]`},
		{fields: `"ExposedPorts":{"99999999/xyz":7,"":{}}`},
		{fields: `"ExposedPorts":80,"Labels":[],"Healthcheck":"x","StopSignal":9,"OnBuild":{}`},
		{fields: `"Volumes":{"/data":{},"/a/../b":null,"rel":{},"/data/":{}}`, volumes: "/b /data /rel"},
		{fields: `"Volumes":{"/..":{}}`, refused: "root directory"},
		{fields: `"Volumes":["/data"]`, refused: "a list where an object should be"},
		{fields: `"User":"a\u0000b"`, refused: "zero byte"},
		{fields: `"Cmd":["\u0000"]`, refused: "zero byte"},
		{fields: `"Env":["A=\u0000"]`, refused: "zero byte"},
	} {
		config, err := parseConfig([]byte(`{"created":"yesterday","history":7,"os":"linux","config":{` + c.fields + `}}`))
		switch {
		case (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused):
			t.Errorf("%s: %v, and the error should have %q", c.fields, err, c.refused)
		case err == nil && (!slices.Equal(config.Entrypoint, c.entrypoint) || !slices.Equal(config.Cmd, c.cmd) || strings.Join(config.Volumes, " ") != c.volumes):
			t.Errorf("%s: is read as %+v", c.fields, config)
		}
	}
	for _, raw := range []string{`{}`, `null`, `{"config":null,"rootfs":null}`} {
		if _, err := parseConfig([]byte(raw)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{``, `[]`, `7`, `{"rootfs":{"diff_ids":["x"]}}`, `{"rootfs":{"diff_ids":[7]}}`} {
		if _, err := parseConfig([]byte(raw)); err == nil {
			t.Errorf("%s: is taken for a config", raw)
		}
	}
}
