package registry

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"
)

var discard = log.New(io.Discard, "", 0)

// A connection that breaks is taken up where it broke, whatever the registry makes of it.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 1, 4096, len(content) / 2, len(content) - 1} {
		ranges := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
			giveUntil(w, r, map[bool]int{true: at, false: len(content)}[n == 0])
		})
		ranges.wantBlob(t)
		if want := fmt.Sprintf("bytes=%d-", at); at > 0 && ranges.requests[1].Header.Get("Range") != want {
			t.Errorf("after %d bytes the registry was asked for %q, want %q", at, ranges.requests[1].Header.Get("Range"), want)
		}
		ignored := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
			giveFrom(w, 0, map[bool]int{true: at, false: len(content)}[n == 0])
		})
		ignored.wantBlob(t)
	}
	// HTTP/2 resets a stream instead.
	streams := serveTLS(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the protocol is %s", r.Proto)
		}
		giveUntil(w, r, map[bool]int{true: 50_000, false: len(content)}[n == 0])
	})
	streams.wantBlob(t)
	another := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch n {
		case 0:
			giveUntil(w, r, 50_000)
		case 1: // another part than it was asked for
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 7-%d/%d", len(content)-1, len(content)))
			giveFrom(w, 7, len(content))
		default:
			giveFrom(w, 0, len(content))
		}
	})
	another.wantBlob(t)
	refused := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch {
		case n == 0:
			giveUntil(w, r, 50_000)
		case r.Header.Get("Range") != "":
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		default:
			give(w, r)
		}
	})
	refused.wantBlob(t)
	// A few bytes a time are no progress without end.
	never := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		from := 0
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		giveUntil(w, r, from+1)
	})
	never.wantError(t, "blob sha256:", never.host(), "broke")
	if never.asked() > 30 {
		t.Errorf("the registry was asked %d times for a blob of %d bytes", never.asked(), len(content))
	}
}

// A registry that is slow is waited for, and the user is told. One that is silent is
// given up, and asked again.
func TestSilence(t *testing.T) {
	t.Parallel()
	late := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		time.Sleep(400 * time.Millisecond) // more than the patience with silence
		give(w, r)
	})
	late.wantBlob(t)
	late.wantLog(t, "waiting")
	if late.asked() != 1 {
		t.Errorf("a registry that begins late was asked %d times, want once", late.asked())
	}
	silent := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:1000])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		give(w, r)
	})
	silent.wantBlob(t)
	silent.wantLog(t, "asking for the rest")
	drip := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		for _, b := range content {
			if _, err := w.Write([]byte{b}); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	drip.wantError(t, drip.host(), "next to nothing")
	dead := serve(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	dead.Patience.Answer = 50 * time.Millisecond
	dead.wantError(t, dead.host())
}

// A registry that has too much to do is asked again when it says so.
func TestBusy(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		for _, when := range []string{"1", "date"} {
			busy := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
				if n > 0 {
					give(w, r)
					return
				}
				if when == "date" { // by a clock that is a year behind
					now := time.Now().AddDate(-1, 0, 0).UTC()
					w.Header().Set("Date", now.Format(http.TimeFormat))
					w.Header().Set("Retry-After", now.Add(time.Second).Format(http.TimeFormat))
				} else {
					w.Header().Set("Retry-After", when)
				}
				w.WriteHeader(status)
			})
			busy.wantBlob(t)
			busy.wantLog(t, "busy")
			if busy.asked() != 2 {
				t.Errorf("a registry that says %d and when was asked %d times, want twice", status, busy.asked())
			}
		}
		for _, when := range []string{"3600", "99999999999999999999", ""} {
			for_, asked := "hours", 1
			if when == "" || len(when) > 19 {
				for_, asked = "no time", 1+maxFaults
			}
			refuses := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", when)
				w.WriteHeader(status)
			})
			refuses.wantError(t, fmt.Sprint(status), refuses.host(), "--mirror")
			if refuses.asked() != asked {
				t.Errorf("a registry that says %d for %s was asked %d times, want %d", status, for_, refuses.asked(), asked)
			}
		}
	}
}

// What a registry says of a fault reaches the user in a line, bounded and printable.
func TestRefusals(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"BLOB_UNKNOWN","message":"gone\u001b]0;title\u0007\nfake: line"}`+strings.Repeat(`,{"code":"X"}`, 50)+`]}`)
	})
	f.wantError(t, f.host(), digest().String(), "404", `gone\x1b`, "48 more")
	if f.asked() != 1 {
		t.Errorf("a blob that is not there was asked for %d times", f.asked())
	}
	endless := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		for range 1 << 20 {
			if _, err := w.Write(content); err != nil {
				return
			}
		}
	})
	endless.wantError(t, "403")
	large := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		for range 1 << 20 {
			if _, err := w.Write(content); err != nil {
				return
			}
		}
	})
	if raw, _, err := large.Manifest(t.Context(), "latest", 1000); err != nil || len(raw) != 1001 {
		t.Errorf("of an endless manifest %d bytes came, want 1001, %v", len(raw), err)
	}
	header := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		for i := range 3000 {
			w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 100))
		}
	})
	header.wantError(t, header.host())
	ill := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n < maxFaults {
			w.WriteHeader(http.StatusBadGateway)
		} else {
			give(w, r)
		}
	})
	ill.wantBlob(t)
}
