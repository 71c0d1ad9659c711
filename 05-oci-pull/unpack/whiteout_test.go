package unpack

import "testing"

func TestWhiteoutHidesTheLowerLayersName(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("d/f", "1"), fileAt("d/g", "2"), fileAt("d/sub/deep/x", "3"), symlinkAt("s", "d"), fifoAt("p"))
	b.layer(hide("d/.wh.f"), hide("d/.wh.sub"), hide(".wh.s"), hide(".wh.p"))
	b.has("d/", "d/g=2")
}

func TestWhiteoutSparesItsOwnLayerInAnyOrder(t *testing.T) {
	for name, layer := range map[string][]item{
		"before": {hide("d/.wh.f"), hide("d/.wh.sub"), fileAt("d/f", "new"), dirAt("d/sub"), fileAt("d/sub/y", "new")},
		"after":  {fileAt("d/f", "new"), dirAt("d/sub"), fileAt("d/sub/y", "new"), hide("d/.wh.f"), hide("d/.wh.sub")},
		"amid":   {fileAt("d/f", "new"), dirAt("d/sub"), hide("d/.wh.sub"), hide("d/.wh.f"), fileAt("d/sub/y", "new")},
	} {
		t.Run(name, func(t *testing.T) {
			b := rootfs(t)
			b.layer(fileAt("d/f", "old"), fileAt("d/sub/x", "old"))
			b.layer(layer...)
			b.has("d/", "d/f=new", "d/sub/", "d/sub/y=new")
		})
	}
}

func TestWhiteoutSparesWhatItsLayerPutDeepBelow(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("d/a/b/x", "old"), fileAt("d/a/c/x", "old"))
	b.layer(fileAt("d/a/b/y", "new"), hide(".wh.d"))
	b.has("d/", "d/a/", "d/a/b/", "d/a/b/y=new")
}

// The example in the specification, in both orders.
func TestOpaqueWhiteoutHidesAllOfTheLowerDirectory(t *testing.T) {
	opaque := hide("a/.wh..wh..opq")
	above := []item{dirAt("a"), dirAt("a/b"), dirAt("a/b/c"), fileAt("a/b/c/foo", "new")}
	for name, layer := range map[string][]item{
		"first": append([]item{opaque}, above...),
		"last":  append(append([]item{}, above...), opaque),
	} {
		t.Run(name, func(t *testing.T) {
			b := rootfs(t)
			b.layer(dirAt("a"), dirAt("a/b"), dirAt("a/b/c"), fileAt("a/b/c/bar", "old"), symlinkAt("a/s", "b"), fileAt("z", "kept"))
			b.layer(layer...)
			b.has("a/", "a/b/", "a/b/c/", "a/b/c/foo=new", "z=kept")
		})
	}
}

func TestOpaqueWhiteoutSparesWhatItsLayerPutDeepBelow(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("d/a/b/x", "old"), fileAt("d/a/c/x", "old"), fileAt("d/f", "old"))
	b.layer(fileAt("d/a/b/y", "new"), symlinkAt("d/s", "nowhere"), fileAt("d/n/x", "new"), hide("d/.wh..wh..opq"))
	b.has("d/", "d/a/", "d/a/b/", "d/a/b/y=new", "d/s->nowhere", "d/n/", "d/n/x=new")
}

func TestWhiteoutLeavesTheModeOfDirectoriesItSpares(t *testing.T) {
	needRoot(t)
	b := rootfs(t)
	b.layer(dirAt("d/locked").mode(0o500), fileAt("d/locked/old", ""))
	b.layer(fileAt("d/locked/new", ""), hide("d/.wh..wh..opq"), hide(".wh.d"))
	b.has("d/", "d/locked/", "d/locked/new=")
	if mode := b.stat("d/locked").Mode & 0o7777; mode != 0o500 {
		t.Errorf("the mode is now %o", mode)
	}
}

func TestOpaqueWhiteoutOfTheRoot(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("d/f", "old"), fileAt("g", "old"))
	b.layer(fileAt("d/n", "new"), hide(".wh..wh..opq"))
	b.has("d/", "d/n=new")
}

func TestWhiteoutKnowsItsLayersFilesByWhateverPath(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("run/x", "old"), fileAt("run/y", "old"), symlinkAt("var/run", "/run"))
	b.layer(fileAt("var/run/x", "new"), hide("run/.wh.x"), hide("run/.wh..wh..opq"), fileAt("run/z", "new"), hide("var/run/.wh.z"))
	b.has("run/", "run/x=new", "run/z=new", "var/", "var/run->/run")
}

func TestWhiteoutInTheNextLayerHidesAgain(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("f", "1"))
	b.layer(fileAt("f", "2"), hide(".wh.f"))
	b.layer(hide(".wh.f"))
	b.has()
}

func TestWhiteoutOfNothingIsFine(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("f", ""), symlinkAt("loop", "loop"), symlinkAt("gone", "nowhere"))
	b.layer(hide(".wh.x"), hide("no/such/.wh.x"), hide("no/.wh..wh..opq"), hide("f/.wh.x"),
		hide("loop/.wh.x"), hide("gone/.wh.x"), hide("gone/.wh..wh..opq"))
	b.has("f=", "loop->loop", "gone->nowhere") // and no directory was made for it
}

func TestWhiteoutsOfAnyTypeAreWhiteouts(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("f", ""), fileAt("g", ""), fileAt("h", ""))
	b.layer(dirAt(".wh.f"), symlinkAt(".wh.g", "x"), linkAt(".wh.h", "x"))
	b.has()
}

func TestMalformedWhiteoutIsAnError(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("d/f", ""))
	for _, name := range []string{".wh.", "d/.wh.", "d/.wh..", "d/.wh..."} {
		b.refuses("malformed whiteout", hide(name))
	}
	b.refuses("a whiteout cannot be a directory", fileAt("d/.wh.x/f", ""))
	b.has("d/", "d/f=")
}

func TestFilesOfAUFSAreIgnored(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("orph", ""))
	b.layer(fileAt(".wh..wh.aufs", ""), dirAt(".wh..wh.plnk"), fileAt(".wh..wh.plnk/1.2", ""), dirAt(".wh..wh.orph"), hide("d/.wh..wh.x"))
	b.has("orph=")
}

func TestNamesThatOnlyLookLikeWhiteouts(t *testing.T) {
	b := rootfs(t)
	b.layer(fileAt("a.wh.b", ""), fileAt(".wh", ""), fileAt(".whx", ""), fileAt(".wh-/x", ""))
	b.layer(hide(".wh..wh"))
	b.has("a.wh.b=", ".whx=", ".wh-/", ".wh-/x=")
}
