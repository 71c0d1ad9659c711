package image

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A type that is announced must agree with what comes.
func TestTypesMustAgree(t *testing.T) {
	f := files{}
	img := f.image("linux/amd64", "u")
	index := f.index(img)
	both := fmt.Sprintf(`{"schemaVersion":2,"config":%s,"layers":[],"manifests":[%s]}`, f.blob(ociConfig, "{}"), img)
	for what, c := range map[string]struct{ desc, says string }{
		"a manifest announced as an index":       {strings.Replace(img, ociManifest, ociIndex, 1), "announced as"},
		"an index announced as a manifest":       {strings.Replace(index, ociIndex, ociManifest, 1), "announced as"},
		"an OCI manifest announced as Docker's":  {strings.Replace(img, ociManifest, dockerManifest, 1), "announced as"},
		"an index without a type, as a manifest": {f.manifest(fmt.Sprintf(`{"manifests":[%s]}`, img)), "announced as"},
		"a manifest without a type, as an index": {f.blob(ociIndex, `{"layers":[]}`), "announced as"},
		"both at once":                           {f.manifest(both), "CVE-2021-41190"},
		"both at once, as an index":              {f.blob(ociIndex, both), "CVE-2021-41190"},
		"both at once, of which one is empty":    {f.blob(ociIndex, `{"manifests":[],"layers":[]}`), "CVE-2021-41190"},
		"a manifest that says it is an index":    {f.manifest(fmt.Sprintf(`{"mediaType":%q,"layers":[]}`, ociIndex)), "is not"},
		"schema 1":                               {f.manifest(`{"schemaVersion":1,"fsLayers":[]}`), "schema 1"},
		"neither":                                {f.manifest(`{}`), "neither"},
		"no JSON":                                {f.manifest(`<html>`), "invalid character"},
		"a list":                                 {f.manifest(`[]`), "array"},
		"nothing":                                {f.manifest(``), "JSON"},
	} {
		t.Run(what, func(t *testing.T) { wantError(t, "oci:"+f.layout(t, c.desc), "amd64", c.says) })
	}
}

// Registries that serve files know no media types.
func TestContentTypes(t *testing.T) {
	f := files{}
	img := f.image("linux/amd64", "u")
	untyped := strings.Replace(f["blobs/sha256/"+digestIn(img)], fmt.Sprintf(`"mediaType":%q,`, ociManifest), "", 1)
	indexed := indexOf(on(img, "linux/amd64"), on(f.image("linux/arm64", "arm"), "linux/arm64"))
	docs := map[string]string{"manifest": f["blobs/sha256/"+digestIn(img)], "untyped": untyped, "index": indexed}
	var contentType string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header()["Content-Type"] = nil
		_, last, _ := strings.Cut(req.URL.Path, "/manifests/")
		content, ok := docs[last]
		if ok && contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		if i := strings.Index(req.URL.Path, "sha256:"); i >= 0 {
			content, ok = f["blobs/sha256/"+req.URL.Path[i+7:]]
		}
		if !ok && req.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write([]byte(content))
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, contentType = range []string{"", "application/json", "text/plain; charset=utf-8", "application/octet-stream", "nonsense", "a;b;c=",
		ociManifest, ociManifest + "; charset=utf-8", dockerManifest + ";x=y", strings.ToUpper(ociManifest)} {
		for _, tag := range []string{"manifest", "untyped"} {
			wantImage(t, host+"/a/b:"+tag, "amd64", "u")
		}
	}
	for _, contentType = range []string{"", "application/json; charset=utf-8", "binary/octet-stream", ociIndex, dockerIndex + "; charset=utf-8"} {
		wantImage(t, host+"/a/b:index", "arm64", "arm")
	}
	for _, contentType = range []string{ociIndex, dockerIndex + "; charset=utf-8"} {
		wantError(t, host+"/a/b:manifest", "amd64", "announced as", "is a manifest")
		wantError(t, host+"/a/b:untyped", "amd64", "announced as", "is a manifest")
	}
	contentType = ociManifest
	wantError(t, host+"/a/b:index", "amd64", "announced as", "is an index")

	// What is too large is not read.
	contentType = ociIndex
	most := indexOf(img) + strings.Repeat(" ", maxDocument-len(indexOf(img)))
	docs["most"], docs["over"] = most, most+" "
	wantImage(t, host+"/a/b:most", "amd64", "u")
	wantError(t, host+"/a/b:over", "amd64", "more than 4 MiB")
	docs["items"] = indexOf(strings.Repeat("{},", maxItems) + "{}")
	wantError(t, host+"/a/b:items", "amd64", "more than 10000 items")
}

func digestIn(desc string) string {
	_, after, _ := strings.Cut(desc, "sha256:")
	return after[:64]
}

func TestDocumentsAreBounded(t *testing.T) {
	f := files{}
	manifest := func(layers int, config string) string {
		layer, id := f.blob(ociConfig, ""), fmt.Sprintf(`"sha256:%064d"`, 0)
		layer = strings.Replace(layer, ociConfig, "", 1)
		config = strings.TrimSuffix(config, "}") + fmt.Sprintf(`,"rootfs":{"diff_ids":[%s]}}`, list1(layers, id))
		return "oci:" + f.layout(t, f.manifest(fmt.Sprintf(`{"config":%s,"layers":[%s]}`, f.blob(ociConfig, config), list1(layers, layer))))
	}
	config := func(fields string) string {
		return fmt.Sprintf(`{"os":"linux","architecture":"amd64","config":{"User":"u",%s}}`, fields)
	}
	volumes := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf(`"/v%d":{}`, i))
		}
		return `"Volumes":{` + strings.Join(names, ",") + "}"
	}
	for _, c := range []struct {
		what, below, above, says string
	}{
		{"layers", manifest(maxLayers, config(`"Cmd":[]`)), manifest(maxLayers+1, config(`"Cmd":[]`)), "more than 500 layers"},
		{"variables", manifest(0, config(`"Env":[`+list1(maxItems, `""`)+`]`)), manifest(0, config(`"Env":[`+list1(maxItems+1, `""`)+`]`)), "more than 10000 items"},
		{"volumes", manifest(0, config(volumes(maxVolumes))), manifest(0, config(volumes(maxVolumes+1))), "more than 100 volumes"},
		{"keys", manifest(0, config(`"Volumes":{`+list1(maxItems, `"/v":{}`)+`}`)), manifest(0, config(`"Volumes":{`+list1(maxItems+1, `"/v":{}`)+`}`)), "more than 10000 keys"},
		{"a config", manifest(0, config(`"x":"`+strings.Repeat("x", maxDocument-200)+`"`)), manifest(0, config(`"x":"`+strings.Repeat("x", maxDocument)+`"`)), "more than 4 MiB"},
	} {
		t.Run(c.what, func(t *testing.T) {
			wantImage(t, c.below, "amd64", "u")
			wantError(t, c.above, "amd64", c.says)
		})
	}
}

func list1(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+",", n), ",")
}
