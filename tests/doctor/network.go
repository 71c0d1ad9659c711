package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// registry asks for alpine's manifest where lessons 5 and 6 would first: at the
// mirror if there is one, or else at Docker Hub, which we only greet, as it
// counts what is asked of it.
func registry(p *patient) finding {
	affects := "lessons 5 and 6 with images from a registry; --image=lab and oci:DIR need none"
	if mirror := os.Getenv("CONTAINER_GO_MIRROR"); mirror != "" {
		if err := askMirror(p.ctx, mirror); err != nil {
			return limit(fmt.Sprintf("the mirror %s ($CONTAINER_GO_MIRROR): %v", mirror, err), affects+"; Docker Hub is asked in its place",
				"look whether it runs and has library/alpine: curl "+mirrorURLs(mirror)[0]+"/v2/library/alpine/tags/list")
		}
		return ok("the mirror %s answers and has alpine:latest", mirror)
	}
	hub := "https://" + name.DefaultRegistry
	status, err := ask(p.ctx, http.MethodGet, hub+"/v2/")
	switch {
	case err != nil:
		return limit("no connection to Docker Hub: "+err.Error(), affects,
			"connect the machine, name its proxy (export HTTPS_PROXY=URL), or use a mirror nearby (export CONTAINER_GO_MIRROR=HOST)")
	case status == http.StatusTooManyRequests:
		return limit("Docker Hub has had too many requests from this address", affects, "wait, docker login, or use a mirror: export CONTAINER_GO_MIRROR=HOST")
	case status != http.StatusOK && status != http.StatusUnauthorized:
		return limit(fmt.Sprintf("Docker Hub answers with status %d", status), affects, "try again later, or use a mirror: export CONTAINER_GO_MIRROR=HOST")
	}
	return ok("Docker Hub answers")
}

// mirrorURLs are where lesson 5's client looks for a mirror: without https only
// if the user says so, or the address is a private one.
func mirrorURLs(mirror string) []string {
	host, plain := strings.CutPrefix(mirror, "http://")
	host = strings.TrimSuffix(strings.TrimPrefix(host, "https://"), "/")
	if plain {
		return []string{"http://" + host, "https://" + host}
	}
	urls := []string{"https://" + host}
	if r, err := name.NewRegistry(host); err == nil && r.Scheme() == "http" {
		urls = []string{"http://" + host, "https://" + host}
	}
	return urls
}

func askMirror(ctx context.Context, mirror string) (first error) {
	for _, url := range mirrorURLs(mirror) {
		status, err := ask(ctx, http.MethodHead, url+"/v2/library/alpine/manifests/latest")
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		switch status {
		case http.StatusOK:
			return nil
		case http.StatusNotFound:
			return fmt.Errorf("it answers, but has no library/alpine:latest")
		}
		return fmt.Errorf("it answers with status %d", status)
	}
	return first
}

func ask(ctx context.Context, method, url string) (status int, err error) {
	const wait = 10 * time.Second
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "+
		"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json")
	answer, err := http.DefaultClient.Do(request)
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, fmt.Errorf("no answer within %v", wait)
	case errors.As(err, &dns):
		return 0, fmt.Errorf("no address for %s: %s", dns.Name, dns.Err)
	case errors.As(err, &op):
		return 0, op
	case err != nil:
		return 0, err
	}
	answer.Body.Close()
	return answer.StatusCode, nil
}
