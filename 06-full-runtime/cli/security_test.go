package cli

import "testing"

func TestSecurityOptions(t *testing.T) {
	for option, want := range map[string]Security{
		"seccomp=unconfined":      {Unfiltered: true},
		"seccomp:unconfined":      {Unfiltered: true},
		"seccomp=builtin":         {},
		"systempaths=unconfined":  {Unmasked: true},
		"no-new-privileges":       {NoNewPrivs: true},
		"no-new-privileges=true":  {NoNewPrivs: true},
		"no-new-privileges:true":  {NoNewPrivs: true},
		"no-new-privileges=false": {},
		"apparmor=unconfined":     {},
		"label=disable":           {},
	} {
		var got Security
		if err := got.Set(option); err != nil || got != want {
			t.Errorf("--security-opt %s is %+v, %v; want %+v", option, got, err, want)
		}
	}
	for _, bad := range []string{"", "seccomp", "seccomp=", "seccomp=profile.json", "no-new-privileges=perhaps", "no-new-privs", "apparmor=docker-default", "unconfined"} {
		var got Security
		if err := got.Set(bad); err == nil {
			t.Errorf("--security-opt %q is %+v, and should be an error", bad, got)
		}
	}
}
