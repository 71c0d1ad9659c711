module example.com/container-go/03-pid

go 1.26.0
