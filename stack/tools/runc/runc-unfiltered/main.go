// Runc-unfiltered is runc for a machine without libseccomp.
//
// Every pod asks for the runtime's default seccomp profile. runc applies one only through libseccomp, whose headers a
// fresh machine does not have, and a runc built without it refuses such a container. This program takes the profile
// out of the container's configuration and becomes runc, which lies beside it. The rest of a pod's confinement holds:
// its user, its capabilities, no_new_privs, its namespaces, its read-only file system. A production node applies the
// profile as well.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "runc-unfiltered:", err)
		os.Exit(1)
	}
}

func run() error {
	if slices.ContainsFunc(os.Args[1:], func(word string) bool { return word == "create" || word == "run" }) {
		if bundle, found := bundle(os.Args[1:]); found {
			if err := dropProfile(filepath.Join(bundle, "config.json")); err != nil {
				return err
			}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	runc := filepath.Join(filepath.Dir(self), "runc")
	return fmt.Errorf("%s: %w", runc, syscall.Exec(runc, append([]string{runc}, os.Args[1:]...), os.Environ()))
}

// The folder that holds the container's configuration.
func bundle(words []string) (string, bool) {
	for i, word := range words {
		if value, found := strings.CutPrefix(word, "--bundle="); found {
			return value, true
		}
		if word == "--bundle" && i+1 < len(words) {
			return words[i+1], true
		}
	}
	return "", false
}

func dropProfile(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// Everything else stays as it is, byte for byte: only the two objects on the way are opened.
	var config, linux map[string]json.RawMessage
	if err := json.Unmarshal(content, &config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := json.Unmarshal(config["linux"], &linux); err != nil {
		return fmt.Errorf("%s: linux: %w", path, err)
	}
	if _, found := linux["seccomp"]; !found {
		return nil
	}
	delete(linux, "seccomp")
	if config["linux"], err = json.Marshal(linux); err != nil {
		return err
	}
	if content, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(path, bytes.TrimSpace(content), 0o600)
}
