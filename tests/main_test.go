// Package tests runs the lessons on a real kernel, as root and as an ordinary
// user, and proves the host unchanged after every test.
//
//	go test ./tests                                            # all the lessons
//	go test ./tests -run TestHostname -program ./my-uts        # a program of yours
package tests

import (
	"os"
	"testing"

	"example.com/container-go/tests/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m, "TestMutations")) }
