package tests

import "strings"

// oddLayers are images, layer by layer, that look for a difference between layers
// unpacked to one directory and through an overlay. None hides "/". Names that are
// one file come from one layer, or from two: a third name in a third layer is a copy
// in an overlay, as the kernel copies one name up and not the others.
func oddLayers() map[string][][]item {
	return map[string][][]item{
		"nothing":                    over(nil),
		"new file":                   over([]item{fileAt("usr/lib/new", "n")}),
		"new file in implied":        over([]item{fileAt("opt/a/b/new", "n").at(50), fileAt("opt/a/late", "l").at(60)}),
		"implied, then named":        over([]item{fileAt("opt/a/f", "n").at(50), dirAt("opt/a").mode(0o1777).at(60), fileAt("opt/a/g", "")}),
		"named, then named":          over([]item{dirAt("opt").at(60), fileAt("opt/f", ""), dirAt("opt").mode(0o700).at(70), fileAt("opt/g", "")}),
		"implied, named above":       over([]item{fileAt("opt/a/f", "n").at(50)}, []item{dirAt("opt").mode(0o700).at(60)}, []item{fileAt("opt/g", "")}),
		"implied below":              over([]item{fileAt("etc/new", "").at(99)}),
		"replaced file":              over([]item{fileAt("etc/conf", "new").at(99)}, []item{fileAt("etc/conf", "newer").at(100)}),
		"same file":                  over([]item{fileAt("etc/conf", "old").at(12)}),
		"same directory":             over([]item{dirAt("etc").at(11)}),
		"directory, other time":      over([]item{dirAt("usr/lib").mode(0o711).at(99)}),
		"directory, other mode":      over([]item{dirAt("usr/lib").mode(0o4755).at(2)}),
		"directory, content, mode":   over([]item{fileAt("usr/lib/n", ""), dirAt("usr/lib").mode(0o755).at(99), fileAt("usr/lib/m", "")}),
		"directory loses xattr":      over([]item{dirAt("x").at(99)}),
		"directory gains xattr":      over([]item{dirAt("usr").xattr("user.new", "2").at(1)}, []item{dirAt("usr").xattr("user.newer", "3").at(1)}),
		"overlayfs's own xattr":      over([]item{dirAt("usr").xattr("user.overlay.opaque", "y"), dirAt("etc").xattr("trusted.overlay.opaque", "y")}),
		"file below keeps xattr":     over([]item{linkAt("x/g", "x/f")}),
		"root entry":                 over([]item{dirAt(".").mode(0o711).at(42), fileAt("f", "")}, []item{fileAt("g", "")}),
		"root entry last":            over([]item{fileAt("f", ""), dirAt("./").mode(0o1755).at(42)}),
		"root opaque":                over([]item{hide(".wh..wh..opq"), fileAt("etc/n", "n")}),
		"root opaque last":           over([]item{fileAt("etc/n", "n"), dirAt("usr").at(77), hide(".wh..wh..opq")}),
		"whiteout":                   over([]item{hide("etc/.wh.conf"), hide(".wh.usr")}),
		"whiteout, again a file":     over([]item{hide("etc/.wh.conf")}, []item{fileAt("etc/conf", "back")}),
		"whiteout, again a dir":      over([]item{hide("usr/.wh.lib")}, []item{fileAt("usr/lib/sub/n", "").at(70)}, []item{dirAt("usr/lib").at(71)}),
		"whiteout of nothing":        over([]item{hide(".wh.no"), hide("no/.wh.no"), hide("usr/lib/a/.wh.x"), hide("no/no/.wh..wh..opq")}),
		"whiteout twice":             over([]item{hide("etc/.wh.conf"), hide("etc/.wh.conf")}, []item{hide("etc/.wh.conf")}),
		"whiteout through link":      over([]item{hide("lib/.wh.a"), hide("lib/sub/.wh.c")}),
		"whiteout of the link":       over([]item{hide(".wh.lib")}, []item{fileAt("lib/own", "")}),
		"whiteout and file":          over([]item{hide("etc/.wh.conf"), fileAt("etc/conf", "new")}),
		"file and whiteout":          over([]item{fileAt("etc/conf", "new"), hide("etc/.wh.conf")}),
		"whiteout and directory":     over([]item{hide("usr/.wh.lib"), dirAt("usr/lib").at(50), fileAt("usr/lib/n", "n")}),
		"directory and whiteout":     over([]item{dirAt("usr/lib").at(50), fileAt("usr/lib/n", "n"), hide("usr/.wh.lib")}),
		"deep file and whiteout":     over([]item{fileAt("usr/lib/sub/deep/n", "n"), hide(".wh.usr")}),
		"file for directory, hidden": over([]item{fileAt("usr", "file"), hide(".wh.usr")}),
		"opaque":                     over([]item{hide("usr/lib/.wh..wh..opq"), fileAt("usr/lib/n", "n")}),
		"opaque last":                over([]item{fileAt("usr/lib/n", "n"), fileAt("usr/lib/sub/n", "n"), hide("usr/lib/.wh..wh..opq")}),
		"opaque, named last":         over([]item{hide("usr/lib/.wh..wh..opq"), fileAt("usr/lib/n", "n"), dirAt("usr/lib").at(50)}),
		"opaque twice":               over([]item{hide("usr/lib/.wh..wh..opq"), fileAt("usr/lib/n", "n")}, []item{hide("usr/.wh..wh..opq"), fileAt("usr/lib/m", "")}),
		"opaque through link":        over([]item{hide("lib/.wh..wh..opq"), fileAt("lib/n", "n")}),
		"opaque and whiteout":        over([]item{hide("usr/lib/.wh.a"), hide("usr/lib/.wh..wh..opq"), hide("usr/lib/.wh.b"), fileAt("usr/lib/b", "n")}),
		"opaque nested":              over([]item{hide("usr/.wh..wh..opq"), fileAt("usr/lib/n", ""), hide("usr/lib/.wh..wh..opq"), fileAt("usr/lib/sub/n", ""), hide("usr/lib/sub/.wh..wh..opq")}),
		"opaque of the new":          over([]item{fileAt("new/f", ""), hide("new/.wh..wh..opq"), fileAt("new/g", ""), hide("new/.wh.f")}),
		"emptied":                    over([]item{hide("usr/lib/sub/.wh.c"), hide("usr/lib/sub/.wh.deep")}, []item{hide("usr/lib/.wh.sub")}),
		"file over directory":        over([]item{fileAt("usr/lib", "f")}, []item{fileAt("lib", "l")}),
		"directory over file":        over([]item{dirAt("etc/conf").at(9)}, []item{fileAt("etc/conf/f", "")}),
		"directory over link":        over([]item{dirAt("lib"), fileAt("lib/own", "")}, []item{fileAt("lib/more", "")}),
		"link over directory":        over([]item{symlinkAt("usr/lib", "../etc")}, []item{fileAt("lib/through", "")}),
		"link over link":             over([]item{symlinkAt("lib", "etc")}, []item{fileAt("lib/f", "")}),
		"fifo over directory":        over([]item{fifoAt("usr/lib/sub")}),
		"device over file":           over([]item{deviceAt("etc/conf", 1, 3)}, []item{linkAt("etc/null", "etc/conf")}),
		"device 0/0 over file":       over([]item{deviceAt("etc/conf", 0, 0), linkAt("l1", "etc/conf")}, []item{linkAt("l2", "etc/conf"), linkAt("etc", "l1")}, []item{linkAt("l3", "etc")}),
		"device 0/0 through link":    over([]item{deviceAt("lib/dev", 0, 0)}, []item{linkAt("usr/lib/a", "usr/lib/dev")}, []item{linkAt("l", "lib/a")}),
		"device 0/0, spared":         over([]item{deviceAt("usr/lib/dev", 0, 0), hide("usr/.wh..wh..opq"), hide("usr/lib/.wh.dev")}, []item{linkAt("l", "usr/lib/dev")}),
		"block 0/0":                  over([]item{blockAt("etc/conf")}, []item{linkAt("b", "etc/conf")}),
		"hard link below":            over([]item{linkAt("etc/l", "etc/conf")}, []item{linkAt("etc/l2", "etc/l"), fileAt("etc/conf", "other")}),
		"hard link over existing":    over([]item{linkAt("etc/conf", "usr/lib/b")}, []item{linkAt("usr/lib/b", "usr/lib/b")}),
		"hard link to itself":        over([]item{linkAt("usr/lib/hard", "usr/lib/a"), linkAt("usr/lib/a", "lib/hard")}),
		"hard link to new":           over([]item{fileAt("usr/lib/a", "new"), linkAt("usr/lib/hard", "usr/lib/a"), linkAt("h", "lib/hard")}),
		"hard link to symlink":       over([]item{linkAt("l", "lib")}, []item{fileAt("l/n", "")}),
		"hard link to fifo":          over([]item{linkAt("etc/p", "usr/pipe")}),
		"hard links by link":         over([]item{linkAt("lib/l", "lib/b"), linkAt("usr/lib/l2", "lib/l"), hide("lib/.wh.l")}),
		"dangling parents":           over([]item{symlinkAt("s", "to/../there/./x"), fileAt("s/f", "").at(33)}, []item{fileAt("there/x/g", "")}),
		"directory moved by link":    over([]item{dirAt("a"), symlinkAt("a/self", "."), fileAt("a/self/f", "")}, []item{dirAt("a/self/self"), fileAt("a/self/g", "")}),
		"closed directory":           over([]item{dirAt("etc").mode(0o700).at(3)}, []item{fileAt("etc/in", "")}, []item{dirAt("etc").mode(0o755)}),
		"setuid":                     over([]item{fileAt("su", "x").mode(0o6755), dirAt("shared").mode(0o2775), fileAt("shared/new/f", "")}, []item{linkAt("su2", "su")}),
		"old and late":               over([]item{fileAt("old", "").at(-1000), dirAt("usr").at(-5), fileAt("late", "").at(1 << 33), symlinkAt("ls", "x").at(-7)}, []item{fileAt("usr/n", "")}),
		"owners":                     over([]item{fileAt("own", "x").owner(33, 34), dirAt("etc").owner(5, 6).at(11), symlinkAt("ol", "own").owner(7, 8), fileAt("etc/implied/f", "").owner(3, 3)}, []item{linkAt("own2", "own"), fileAt("etc/n", "")}),
		"owner of a merged dir":      over([]item{dirAt("usr").owner(9, 9).at(1)}, []item{fileAt("usr/lib/n", "").owner(1, 2)}, []item{dirAt("usr/lib").owner(4, 4).mode(0o2770)}),
		"setuid, owned":              over([]item{fileAt("su", "x").mode(0o6755).owner(33, 34)}, []item{linkAt("su2", "su")}),
		"capabilities":               over([]item{fileAt("ping", "x").xattr("security.capability", "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")}, []item{linkAt("ping2", "ping")}),
		"xattr of what is replaced":  over([]item{fileAt("x/f", "y")}, []item{dirAt("x/f").xattr("user.d", "1")}, []item{symlinkAt("x", "etc")}),
		"access control list":        over([]item{fileAt("x/f", "acl").mode(0o640).xattr("system.posix_acl_access", "\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x04\x00\x04\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff")}),
		"devices over each other":    over([]item{deviceAt("etc/conf", 5, 1), fifoAt("usr/lib/a")}, []item{fifoAt("etc/conf"), deviceAt("usr/lib/a", 1, 5)}, []item{hide("etc/.wh.conf"), hide("usr/lib/.wh.a")}),
		"device below, linked":       over([]item{deviceAt("null", 1, 3)}, []item{linkAt("null2", "null")}),
		"sparse":                     over([]item{fileAt("zeros", strings.Repeat("\x00", 300<<10)+"x")}, []item{linkAt("zeros2", "zeros")}),
		"usrmerge":                   over([]item{dirAt("usr/bin"), symlinkAt("bin", "usr/bin"), fileAt("bin/sh", "1")}, []item{fileAt("bin/sh", "2"), dirAt("bin/sub"), fileAt("usr/bin/ls", "")}, []item{hide("bin/.wh.sh"), hide("bin/.wh..wh..opq"), fileAt("bin/new", "")}),
		"names of marks":             over([]item{fileAt("usr/lib/.wh", ""), fileAt("usr/wh.lib", ""), hide("usr/.wh..wh.plnk"), hide("usr/.wh..wh.aufs")}),
		"name of 255":                over([]item{fileAt("etc/"+strings.Repeat("n", 255), "x")}, []item{hide("etc/.wh." + strings.Repeat("n", 255))}),
		"not UTF-8":                  over([]item{fileAt("\xff\xfe", "x").mode(0o741).at(5), dirAt("d\xe9").mode(0o711), linkAt("d\xe9/l\xf0", "\xff\xfe")}, []item{hide(".wh.\xff\xfe"), fileAt("d\xe9/n", "")}),
		"many layers":                over([]item{fileAt("usr/lib/1", "")}, []item{hide("usr/lib/.wh.1"), fileAt("usr/lib/2", "")}, []item{dirAt("usr/lib").at(7)}, []item{hide("usr/.wh.lib")}, []item{fileAt("usr/lib/3", "")}, []item{linkAt("usr/lib/4", "usr/lib/3")}),
		"deep":                       over([]item{fileAt(strings.Repeat("d/", 60)+"f", "").at(5)}, []item{fileAt(strings.Repeat("d/", 59)+"g", "")}, []item{hide("d/.wh.d"), fileAt("d/d/x", "")}),
	}
}

// over puts layers over one that has a bit of everything.
func over(layers ...[]item) [][]item {
	base := []item{
		dirAt("usr").at(1), dirAt("usr/lib").mode(0o711).at(2), fileAt("usr/lib/a", "a").at(3), fileAt("usr/lib/b", "b").at(4),
		dirAt("usr/lib/sub").at(5), fileAt("usr/lib/sub/c", "c").at(6), dirAt("usr/lib/sub/deep").at(7), fileAt("usr/lib/sub/deep/d", "d").at(8),
		symlinkAt("lib", "usr/lib").at(9), linkAt("usr/lib/hard", "usr/lib/a"), fifoAt("usr/pipe").at(10),
		dirAt("etc").at(11), fileAt("etc/conf", "old").at(12), dirAt("x").xattr("user.below", "1").at(13), fileAt("x/f", "x").xattr("user.f", "1"),
	}
	return append([][]item{base}, layers...)
}

// refusedLayers are images that cannot be unpacked.
func refusedLayers() map[string][][]item {
	return map[string][][]item{
		"hard link to removed":     over([]item{hide("etc/.wh.conf"), linkAt("l", "etc/conf")}),
		"hard link, then removed":  over([]item{linkAt("l", "etc/conf"), hide("etc/.wh.conf")}, []item{linkAt("l2", "etc/conf")}),
		"hard link to directory":   over([]item{linkAt("l", "usr/lib")}),
		"parent is a file below":   over([]item{fileAt("etc/conf/f", "")}),
		"device 0/0, hidden":       over([]item{deviceAt("usr/dev", 0, 0)}, []item{hide("usr/.wh.dev")}, []item{linkAt("l", "usr/dev")}),
		"device 0/0, dir hidden":   over([]item{deviceAt("usr/lib/dev", 0, 0)}, []item{hide(".wh.usr")}, []item{dirAt("usr/lib"), linkAt("l", "usr/lib/dev")}),
		"device 0/0, opaque":       over([]item{deviceAt("usr/lib/dev", 0, 0)}, []item{hide("usr/.wh..wh..opq"), dirAt("usr/lib"), linkAt("l", "usr/lib/dev")}),
		"device 0/0, dir replaced": over([]item{deviceAt("usr/lib/dev", 0, 0)}, []item{fileAt("usr/lib", ""), dirAt("usr/lib")}, []item{linkAt("l", "usr/lib/dev")}),
		"device 0/0, then a file":  over([]item{deviceAt("dev", 0, 0)}, []item{fileAt("dev", "real")}, []item{linkAt("l", "dev")}, []item{hide(".wh.dev")}, []item{linkAt("l", "dev")}),
	}
}
