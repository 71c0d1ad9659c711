package image

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// An image may name other addresses for a layer. They would make us ask anybody, from
// inside the network that we are in.
func TestOtherAddressesAreNotAsked(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	f := files{}
	layer := with(describe("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "x", ""), fmt.Sprintf(`"urls":[%q]`, elsewhere.URL))
	config := `{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:` + sum("x") + `"]}}`
	manifest := fmt.Sprintf(`{"mediaType":%q,"config":%s,"layers":[%s]}`, ociManifest, f.blob(ociConfig, config), layer)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		content, ok := f["blobs/sha256/"+req.URL.Path[strings.LastIndex(req.URL.Path, ":")+1:]]
		if strings.Contains(req.URL.Path, "/manifests/") {
			content, ok = manifest, true
		}
		if !ok && req.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write([]byte(content))
	}))
	defer server.Close()
	img, err := open(t, strings.TrimPrefix(server.URL, "http://")+"/a/b:c", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if blob, err := img.Layers[0].Open(); err == nil {
		blob.Close()
		t.Error("a layer that the registry lacks was opened")
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("another address was asked %d times, because the image names it", n)
	}
}
