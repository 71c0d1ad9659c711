package labfs

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// findLibraries returns the shared libraries that the programs among tools
// need, and their loader. They stand where the host has them: each program
// names its loader by path, and the directories to search for libraries are
// compiled into the loader.
func findLibraries(tools []File) ([]File, error) {
	libraries := map[string]bool{}
	asked := map[string]bool{}
	for _, tool := range tools {
		if tool.Source == "" {
			continue
		}
		loader, question, err := readDynamic(tool.Source)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", tool.Source, err)
		}
		if loader == "" || asked[question] {
			continue
		}
		asked[question] = true
		libraries[loader] = true
		paths, err := askLoader(loader, tool.Source)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			libraries[path] = true
		}
	}
	var files []File
	for _, path := range slices.Sorted(maps.Keys(libraries)) {
		files = append(files, program(path, path))
	}
	return append(files, loaderFiles(libraries)...), nil
}

// readDynamic returns the loader (the ELF interpreter) that the kernel starts
// in the program's stead, "" for a static program, and the question to put to
// it: all of the program that its answer depends on. Most tools have the same
// question, and asking it once saves a process for each of the others.
func readDynamic(binary string) (loader, question string, err error) {
	f, err := elf.Open(binary)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			name := make([]byte, segment.Filesz)
			if _, err := segment.ReadAt(name, 0); err != nil {
				return "", "", err
			}
			loader = string(bytes.TrimRight(name, "\x00"))
		}
	}
	// A run path may contain $ORIGIN, the program's own directory.
	question = loader + "\n" + filepath.Dir(binary)
	for _, tag := range []elf.DynTag{elf.DT_NEEDED, elf.DT_RPATH, elf.DT_RUNPATH} {
		values, err := f.DynString(tag)
		if err != nil {
			return "", "", err
		}
		question += "\n" + strings.Join(values, ":")
	}
	return loader, question, nil
}

// askLoader has the loader resolve a program's libraries. Nobody else knows
// all its rules: default directories, run paths, caches, hardware variants.
// ldd is no more than a wrapper around it, and not always there.
func askLoader(loader, binary string) ([]string, error) {
	cmd := exec.Command(loader, "--list", binary)
	// LD_LIBRARY_PATH and LD_PRELOAD belong to the caller, not to the machine.
	cmd.Env = []string{}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	paths, missing := parseList(stdout.String())
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s needs %s, which %s does not find", binary, strings.Join(missing, ", "), loader)
	}
	if err != nil {
		// The first line names what is missing; musl goes on with each symbol
		// that would have been in it.
		if reason, _, _ := strings.Cut(stderr.String(), "\n"); reason != "" {
			err = errors.New(reason)
		}
		return nil, fmt.Errorf("%s --list %s: %w", loader, binary, err)
	}
	return paths, nil
}

// parseList reads the loader's list. Its lines are
//
//	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f13eefb1000)
//	/lib64/ld-linux-x86-64.so.2 (0x00007f13ef1c8000)
//	linux-vdso.so.1 (0x00007f13ef1c6000)
//	libmissing.so.1 => not found
//
// where the vDSO is no file: the kernel maps it into every process.
func parseList(list string) (paths, missing []string) {
	for line := range strings.Lines(list) {
		name, path, named := strings.Cut(line, "=>")
		if !named {
			path = line
		}
		path, _, mapped := strings.Cut(path, "(0x")
		path = strings.TrimSpace(path)
		if mapped && filepath.IsAbs(path) {
			paths = append(paths, filepath.Clean(path))
		} else if path == "not found" {
			missing = append(missing, strings.TrimSpace(name))
		}
	}
	return paths, missing
}

// loaderFiles are what loaders and C libraries open by name at run time, so
// that no list has them: glibc's cache and musl's file of the directories to
// search, and glibc's reader of /etc/passwd, a library of its own before 2.34.
func loaderFiles(libraries map[string]bool) []File {
	var files []File
	for _, pattern := range []string{"/etc/ld.so.cache", "/etc/ld-musl-*.path"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			files = append(files, File{Path: path, Mode: 0o644, Source: path})
		}
	}
	for library := range libraries {
		if filepath.Base(library) == "libc.so.6" {
			nss := filepath.Join(filepath.Dir(library), "libnss_files.so.2")
			if paths, _ := filepath.Glob(nss); len(paths) > 0 {
				files = append(files, program(nss, nss))
			}
		}
	}
	return files
}
