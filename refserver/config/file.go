package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// file is a configuration file: the names of flags and their values. JSON is
// read as the YAML that it is.
type file map[string]any

// largestFile bounds what is read as a configuration file, in bytes.
const largestFile = 64 << 10

func readFile(r io.Reader) (kong.Resolver, error) {
	text, err := io.ReadAll(io.LimitReader(r, largestFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > largestFile {
		return nil, errors.New("the file is too large for a configuration")
	}
	values := file{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		// The error of the parser quotes the file; a file may hold secrets.
		return nil, errors.New("the file is neither JSON nor YAML with a value for each name")
	}
	return values, nil
}

// Validate refuses names that are no flag: a spelling mistake must not leave a
// limit at its default unseen.
func (f file) Validate(app *kong.Application) error {
	known := map[string]bool{}
	collect(app.Node, known)
	known["consent"] = false // each person agrees for themselves
	unknown := slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(name string) bool { return known[name] })
	if len(unknown) > 0 {
		return fmt.Errorf("the configuration file sets what is no flag: %s", strings.Join(unknown, ", "))
	}
	return nil
}

func collect(node *kong.Node, known map[string]bool) {
	for _, flag := range node.Flags {
		known[flag.Name] = flag.Name != "config" && flag.Name != "help"
	}
	for _, child := range node.Children {
		collect(child, known)
	}
}

// Resolve gives kong the value of a flag that was not given otherwise.
func (f file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	// What the environment may not set, because it means something else for the server, no
	// file does either.
	if len(flag.Envs) == 0 || set(flag.Envs) {
		return nil, nil
	}
	switch value := f[flag.Name].(type) {
	case []any: // kong reads lists as text
		texts := make([]string, len(value))
		for i, v := range value {
			texts[i] = fmt.Sprint(v)
		}
		return strings.Join(texts, ","), nil
	case nil:
		return nil, nil
	default:
		return fmt.Sprint(value), nil
	}
}
