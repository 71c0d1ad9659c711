package image

import (
	"runtime"
	"strings"
	"testing"
)

// What Go's decoder would make gigabytes of, or hundreds of megabytes, in 4 MiB.
func TestDocumentsNeedLittleMemory(t *testing.T) {
	fill := func(before, item, after string) string {
		n := (maxDocument - len(before) - len(after)) / (len(item) + 1)
		return before + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + after
	}
	for what, raw := range map[string]string{
		"manifests":             fill(`{"manifests":[`, `{}`, `]}`),
		"layers":                fill(`{"layers":[`, `{}`, `]}`),
		"annotations":           fill(`{"manifests":[{"annotations":{`, `"":""`, `}}]}`),
		"features of platforms": fill(`{"manifests":[{"platform":{"os.features":[`, `""`, `]}}]}`),
		"addresses":             fill(`{"layers":[{"urls":[`, `""`, `]}]}`),
		"unknown fields":        fill(`{`, `"":[]`, `}`),
		"nested lists":          strings.Repeat("[", maxDocument),
		"variables":             fill(`{"config":{"Env":[`, `""`, `]}}`),
		"a command":             fill(`{"config":{"Cmd":[`, `""`, `]}}`),
		"volumes":               fill(`{"config":{"Volumes":{`, `"":0`, `}}}`),
		"labels":                fill(`{"config":{"Labels":{`, `"":""`, `}}}`),
		"diff IDs":              fill(`{"rootfs":{"diff_ids":[`, `""`, `]}}`),
		"history":               fill(`{"history":[`, `{}`, `]}`),
		"one long text":         `{"mediaType":"` + strings.Repeat("x", maxDocument-20) + `"}`,
	} {
		content := []byte(raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parseDocument(content)
		_, configErr := parseConfig(content)
		runtime.ReadMemStats(&after)
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 40 {
			t.Errorf("%s: parsing 4 MiB took %d MiB of memory", what, used)
		}
		for _, err := range []error{err, configErr} {
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("%s: the error has %d bytes", what, len(err.Error()))
			}
		}
	}
}
