// Runc-permitted is runc for a machine that has not got every capability.
//
// A privileged container asks for all of them, and runc refuses one that asks for more than there is. This program
// takes what this process could not have itself out of the container's configuration, or out of that of a process
// which is to run in it, and becomes the runc on PATH. Where nothing is missing, nothing is left out.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/capability"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "runc-permitted:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	permitted, err := permitted()
	if err != nil {
		return err
	}
	if bundle := value(words, "--bundle"); bundle != "" {
		err = rewrite(filepath.Join(bundle, "config.json"), func(config map[string]any) {
			if process, found := config["process"].(map[string]any); found {
				restrict(process, permitted)
			}
		})
	} else if process := value(words, "--process"); process != "" {
		err = rewrite(process, func(process map[string]any) { restrict(process, permitted) })
	}
	if err != nil {
		return err
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", runc, syscall.Exec(runc, append([]string{runc}, words...), os.Environ()))
}

// What this process could have, as the configuration writes it.
func permitted() ([]string, error) {
	own, err := capability.NewPid2(0)
	if err == nil {
		err = own.Load()
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, one := range capability.ListKnown() {
		if own.Get(capability.BOUNDING, one) {
			names = append(names, "CAP_"+strings.ToUpper(one.String()))
		}
	}
	return names, nil
}

func restrict(process map[string]any, permitted []string) {
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		if asked, found := set.([]any); found {
			sets[name] = slices.DeleteFunc(asked, func(one any) bool {
				word, _ := one.(string)
				return !slices.Contains(permitted, word)
			})
		}
	}
}

func rewrite(path string, change func(map[string]any)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	// As they are written: some are larger than a floating-point number can tell apart.
	decoder.UseNumber()
	var content map[string]any
	if err := decoder.Decode(&content); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	change(content)
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// Of an option that is written as --name=value or as two words.
func value(words []string, name string) string {
	for i, word := range words {
		if value, found := strings.CutPrefix(word, name+"="); found {
			return value
		}
		if word == name && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}
