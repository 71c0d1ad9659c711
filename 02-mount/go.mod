module example.com/container-go/02-mount

go 1.26.0
