package image

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/container-go/05-oci-pull/printable"
)

// What a stranger's document may hold. Go's decoder makes a hundred bytes of memory
// of two bytes of JSON, so the items are counted, too.
const (
	maxDocument = 4 << 20 // bytes; registries accept no larger manifest
	maxItems    = 10_000  // of a list
	maxLayers   = 500     // of an image, which is as many as overlayfs stacks
	maxVolumes  = 100     // of a config
)

// readDocument reads a manifest, an index or a config whole.
func readDocument(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(raw) > maxDocument {
		err = fmt.Errorf("has more than %d MiB", maxDocument>>20)
	}
	return raw, err
}

// A list is a JSON array with a bound.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(raw []byte) error {
	*l = nil
	if string(raw) == "null" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return fmt.Errorf("has %s where a list should be", kindOf(raw))
	}
	for decoder.More() {
		if len(*l) == maxItems {
			return fmt.Errorf("has a list of more than %d items", maxItems)
		}
		var item T
		if err := decoder.Decode(&item); err != nil {
			return err
		}
		*l = append(*l, item)
	}
	return nil
}

// words are the words of a command. Docker also takes a string for a single one.
type words struct{ list[string] }

func (w *words) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		w.list = make([]string, 1)
		return json.Unmarshal(raw, &w.list[0])
	}
	return w.list.UnmarshalJSON(raw)
}

// keys are those of a JSON object, in order.
type keys []string

func (k *keys) UnmarshalJSON(raw []byte) error {
	*k = nil
	if string(raw) == "null" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("has %s where an object should be", kindOf(raw))
	}
	for decoder.More() {
		if len(*k) == maxItems {
			return fmt.Errorf("has an object of more than %d keys", maxItems)
		}
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		*k = append(*k, key.(string))
	}
	return nil
}

// kindOf names the kind of a JSON value.
func kindOf(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	}
	return printable.Line(string(raw))
}

// hash is a digest in a document. An empty one is left empty.
type hash struct{ v1.Hash }

func (h *hash) UnmarshalJSON(raw []byte) error {
	if string(raw) == `""` || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, &h.Hash); err != nil {
		return fmt.Errorf("digest %s: not a digest", printable.Line(string(raw)))
	}
	return nil
}
