module example.com/container-go/04-chroot

go 1.26.0
