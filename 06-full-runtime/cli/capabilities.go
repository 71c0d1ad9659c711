package cli

import (
	"fmt"
	"strings"

	"github.com/moby/sys/capability"
)

// keptCapabilities are those that a container has unless flags say otherwise: podman's
// set, which is Docker's without MKNOD, NET_RAW and AUDIT_WRITE.
var keptCapabilities = []capability.Cap{
	capability.CAP_CHOWN, capability.CAP_DAC_OVERRIDE, capability.CAP_FOWNER, capability.CAP_FSETID,
	capability.CAP_KILL, capability.CAP_NET_BIND_SERVICE, capability.CAP_SETFCAP, capability.CAP_SETGID,
	capability.CAP_SETPCAP, capability.CAP_SETUID, capability.CAP_SYS_CHROOT,
}

// everyCapability has the capabilities that no kernel knows yet as well.
const everyCapability = ^uint64(0)

// parseCapabilities turns the names of --cap-add and --cap-drop into a set, a bit for
// each capability. ALL and single names have docker run's meaning: --cap-drop=ALL with
// --cap-add=NAME leaves NAME alone, and --cap-add=ALL with --cap-drop=NAME all but NAME.
func parseCapabilities(add, drop []string) (set uint64, err error) {
	for _, c := range keptCapabilities {
		set |= 1 << c
	}
	added, addAll, err := capabilitySet("cap-add", add)
	if err != nil {
		return 0, err
	}
	dropped, dropAll, err := capabilitySet("cap-drop", drop)
	switch {
	case addAll:
		return everyCapability &^ dropped, err
	case dropAll:
		return added, err
	}
	return set&^dropped | added, err
}

// capabilitySet adds up names like NET_RAW, CAP_NET_RAW or net_raw.
func capabilitySet(flag string, names []string) (set uint64, all bool, err error) {
	for _, name := range names {
		short := strings.TrimPrefix(strings.ToLower(name), "cap_")
		if short == "all" {
			all = true
			continue
		}
		bit := uint64(0)
		for _, c := range capability.ListKnown() {
			if c.String() == short {
				bit = 1 << c
			}
		}
		if bit == 0 {
			return 0, false, fmt.Errorf("--%s %s: there is no such capability; capabilities(7) lists them", flag, name)
		}
		set |= bit
	}
	return set, all, nil
}
