package cli

import "testing"

func TestParseCapabilities(t *testing.T) {
	const chown, kill, netRaw, sysAdmin = 1 << 0, 1 << 5, 1 << 13, 1 << 21
	kept, err := parseCapabilities(nil, nil)
	if err != nil || kept&chown == 0 || kept&(netRaw|sysAdmin) != 0 {
		t.Fatalf("without flags the set is %#x, %v", kept, err)
	}
	for _, test := range []struct {
		add, drop []string
		want      uint64
	}{
		{[]string{"NET_RAW"}, nil, kept | netRaw},
		{[]string{"cap_net_raw", "Sys_Admin"}, nil, kept | netRaw | sysAdmin},
		{nil, []string{"CAP_CHOWN"}, kept &^ chown},
		{nil, []string{"all"}, 0},
		{[]string{"KILL"}, []string{"ALL"}, kill},
		{[]string{"ALL"}, nil, everyCapability},
		{[]string{"ALL"}, []string{"chown"}, everyCapability &^ uint64(chown)},
		{[]string{"CAP_ALL"}, []string{"ALL"}, everyCapability},
		{[]string{"CHOWN"}, []string{"CHOWN"}, kept}, // as docker run: what is added comes last
	} {
		if got, err := parseCapabilities(test.add, test.drop); err != nil || got != test.want {
			t.Errorf("--cap-add %q --cap-drop %q is %#x, %v; want %#x", test.add, test.drop, got, err, test.want)
		}
	}
	for _, bad := range []string{"", "CAP_", "NOT_A_CAPABILITY", "CAP_CAP_CHOWN", "0"} {
		if set, err := parseCapabilities([]string{bad}, nil); err == nil {
			t.Errorf("--cap-add %q is %#x, and should be an error", bad, set)
		}
		if set, err := parseCapabilities(nil, []string{bad}); err == nil {
			t.Errorf("--cap-drop %q is %#x, and should be an error", bad, set)
		}
	}
}
