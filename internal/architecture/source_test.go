package architecture

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unformatted: every file is as gofmt writes it.
func unformatted(m module) []string {
	var broken []string
	for _, f := range m.files {
		formatted, err := format.Source(f.source)
		if err != nil {
			broken = append(broken, f.path+": "+err.Error())
		} else if !bytes.Equal(formatted, f.source) {
			broken = append(broken, f.path+" is not as gofmt writes it")
		}
	}
	return broken
}

// packageComments: each package is introduced once, in one file. Packages of tests only need none.
func packageComments(m module) []string {
	var broken []string
	for _, files := range m.packages() {
		var commented []string
		production := false
		for _, f := range files {
			if f.isTest() {
				continue
			}
			production = true
			if f.syntax.Doc != nil && !ast.IsGenerated(f.syntax) && strings.TrimSpace(f.syntax.Doc.Text()) != "" {
				commented = append(commented, f.path)
			}
		}
		if production && len(commented) != 1 {
			broken = append(broken, fmt.Sprintf("%s has %d package comments %v, not one", files[0].pkg(), len(commented), commented))
		}
	}
	return broken
}

// wellKnown methods are explained where the standard library declares their interface.
var wellKnown = []string{"Error", "Unwrap", "Is", "String"}

// unexplained: what an embedder can name has a comment. A comment above a group of constants or variables explains the group.
func unexplained(m module) []string {
	var broken []string
	for _, f := range m.files {
		if f.isTest() || f.isMain() || ast.IsGenerated(f.syntax) { // generated: what it was made of explains it
			continue
		}
		report := func(at token.Pos, name string) {
			broken = append(broken, fmt.Sprintf("%s: %s has no comment", f.line(at), name))
		}
		for _, declaration := range f.syntax.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && ast.IsExported(receiver(d)) && !(d.Recv != nil && slices.Contains(wellKnown, d.Name.Name)) {
					report(d.Pos(), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
							report(s.Pos(), s.Name.Name)
						}
						if s.Name.IsExported() {
							unexplainedMethods(s, report)
						}
					case *ast.ValueSpec:
						for _, name := range s.Names {
							if name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
								report(s.Pos(), name.Name)
							}
						}
					}
				}
			}
		}
	}
	return broken
}

// unexplainedMethods looks into interfaces: their methods are what a driver has to fulfil.
func unexplainedMethods(s *ast.TypeSpec, report func(token.Pos, string)) {
	contract, ok := s.Type.(*ast.InterfaceType)
	if !ok {
		return
	}
	for _, method := range contract.Methods.List {
		if len(method.Names) == 1 && method.Names[0].IsExported() && method.Doc == nil && method.Comment == nil {
			report(method.Pos(), s.Name.Name+"."+method.Names[0].Name)
		}
	}
}

// receiver is the type whose method this is; for a function, a name that counts as exported.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return "Function"
	}
	expression := d.Recv.List[0].Type
	for {
		switch e := expression.(type) {
		case *ast.StarExpr:
			expression = e.X
		case *ast.IndexExpr:
			expression = e.X
		case *ast.IndexListExpr:
			expression = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

func TestEveryFileIsFormatted(t *testing.T) {
	t.Parallel()
	require.Empty(t, unformatted(thisModule(t)))
	require.Len(t, unformatted(parse(t, map[string]string{"a/a.go": "package a\nvar  x = 1\n", "a/b.go": "package a\n"})), 1)
}

func TestEveryPackageIsIntroducedOnce(t *testing.T) {
	t.Parallel()
	require.Empty(t, packageComments(thisModule(t)))
	require.Len(t, packageComments(parse(t, map[string]string{
		"never/a.go": "package never\n", "never/a_test.go": "// Package never is introduced by a test only.\npackage never\n",
		"twice/a.go": "// Package twice says it here.\npackage twice\n", "twice/b.go": "// Package twice says it again.\npackage twice\n",
		"once/a.go": "// Package once says it here.\npackage once\n", "once/b.go": "package once\n",
		"tests/a_test.go": "package tests\n",
	})), 2)
}

func TestEverythingExportedIsExplained(t *testing.T) {
	t.Parallel()
	require.Empty(t, unexplained(thisModule(t)))
	require.Equal(t, []string{
		"a/a.go:3: Func has no comment",
		"a/a.go:5: Type has no comment",
		"a/a.go:7: Method has no comment",
		"a/a.go:11: Const has no comment",
		"a/a.go:15: Interface.Act has no comment",
	}, unexplained(parse(t, map[string]string{"a/a.go": `package a

func Func() {}

type Type[T any] struct{}

func (*Type[T]) Method() {}

func (*Type[T]) Unwrap() error { return nil }

const Const, own = 1, 2

// Interface is explained.
type Interface interface {
	Act()
	// Explained is.
	Explained()
}

func private() {}

type hidden struct{}

func (hidden) Method() {}

// Errors of this package.
var (
	ErrOne = 1
	ErrTwo = 2
)
`, "a/a_test.go": "package a\n\nfunc TestX() {}\n", "main/main.go": "package main\n\nfunc Main() {}\n"})))
}
