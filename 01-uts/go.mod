module example.com/container-go/01-uts

go 1.26.0
