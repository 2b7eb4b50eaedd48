package architecture

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's folder, seen from this one.
const root = "../.."

// modulePath is written before every path inside the module.
const modulePath = "reconnect.example"

// module is the source of a Go module as the rules see it: every file, for whatever platform it is built.
type module struct {
	files []file
}

// file is one Go file.
type file struct {
	path   string // from the module's folder, with slashes
	source []byte
	syntax *ast.File
	lines  *token.FileSet
}

func (f file) pkg() string  { return path.Dir(f.path) }
func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f file) isMain() bool { return f.syntax.Name.Name == "main" }
func (f file) line(p token.Pos) string {
	return f.path + ":" + strconv.Itoa(f.lines.Position(p).Line)
}

// imports are the paths that the file imports; those of the module itself without its name: "storage/filestore".
func (f file) imports() []string {
	var paths []string
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // does not parse as Go; the compiler says so better
		}
		paths = append(paths, strings.TrimPrefix(p, modulePath+"/"))
	}
	return paths
}

// packages groups the files by folder, in order.
func (m module) packages() [][]file {
	byFolder := map[string][]file{}
	for _, f := range m.files {
		byFolder[f.pkg()] = append(byFolder[f.pkg()], f)
	}
	var packages [][]file
	for _, folder := range slices.Sorted(maps.Keys(byFolder)) {
		packages = append(packages, byFolder[folder])
	}
	return packages
}

// parse makes an invented module from paths and sources.
func parse(t *testing.T, sources map[string]string) module {
	m, err := parseAll(sources)
	require.NoError(t, err)
	return m
}

func parseAll(sources map[string]string) (m module, err error) {
	for name, source := range sources {
		lines := token.NewFileSet()
		syntax, err := parser.ParseFile(lines, name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return m, err
		}
		m.files = append(m.files, file{path: name, source: []byte(source), syntax: syntax, lines: lines})
	}
	slices.SortFunc(m.files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	return m, nil
}

// here is this module. It is read once; no rule changes it.
var here = sync.OnceValues(func() (module, error) {
	sources := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || ignored(name)):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		sources[name] = string(source)
		return err
	})
	if err != nil {
		return module{}, err
	}
	return parseAll(sources)
})

// ignored tells the folders that running and testing leave behind, and git's own.
func ignored(name string) bool {
	switch name {
	case ".git", "reconnect-data", "data", "bin", "screenshots":
		return true
	}
	return path.Base(name) == "node_modules"
}

func thisModule(t *testing.T) module {
	m, err := here()
	require.NoError(t, err)
	require.NotEmpty(t, m.files)
	return m
}
