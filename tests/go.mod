module example.com/container-go/tests

go 1.26.0

require (
	example.com/container-go/04-chroot v0.0.0
	example.com/container-go/05-oci-pull v0.0.0
	example.com/container-go/06-full-runtime v0.0.0
	github.com/google/go-containerregistry v0.22.1
	github.com/klauspost/compress v1.19.2
	github.com/moby/profiles/seccomp v0.3.0
	github.com/moby/sys/capability v0.5.0
	github.com/moby/sys/user v0.5.0
	github.com/opencontainers/runtime-spec v1.3.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/docker/cli v29.7.2+incompatible // indirect
	github.com/docker/docker-credential-helpers v0.9.3 // indirect
	github.com/docker/go-units v0.5.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/sirupsen/logrus v1.9.4 // indirect
	github.com/spf13/pflag v1.1.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	gotest.tools/v3 v3.5.2 // indirect
)

replace (
	example.com/container-go/04-chroot => ../04-chroot
	example.com/container-go/05-oci-pull => ../05-oci-pull
	example.com/container-go/06-full-runtime => ../06-full-runtime
)
