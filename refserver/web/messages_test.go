package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/quota"
	"reconnect.example/recovery"
	words "reconnect.example/refserver/language"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// calls finds the functions of templates that take the key of a message.
var (
	inTemplates = regexp.MustCompile(`\b(t|n) "([a-z0-9.-]+)"`)
	inputs      = regexp.MustCompile(`\(input \S+ "([a-z]+)"`)
	labels      = regexp.MustCompile(`"label=([a-z-]+)"`)
	inScripts   = regexp.MustCompile(`\?done=([a-z-]+)`)
	hinted      = regexp.MustCompile(`"hint=([a-z-]+)"`)
)

// A message that is used is there in every language that is offered; one that is not,
// goes.
func TestEveryMessageExistsAndIsUsed(t *testing.T) {
	t.Parallel()
	used := usedKeys(t)
	for _, code := range words.Offered() {
		for key := range used {
			require.True(t, words.In(code).Has(key), "%s has no message %q", code, key)
		}
	}
	for _, key := range words.In("fr").Keys() {
		require.True(t, used[key], "the message %q is used nowhere", key)
	}
}

// usedKeys are the keys that templates and code name, and those that they make.
func usedKeys(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	add := func(function, key string) {
		if function == "n" {
			used[key+".one"], used[key+".other"] = true, true
			return
		}
		used[key] = true
	}
	files, err := filepath.Glob("templates/*.html")
	require.NoError(t, err)
	operators, err := filepath.Glob("../admin/pages/templates/*.html")
	require.NoError(t, err)
	require.NotEmpty(t, operators)
	files = append(files, operators...)
	hints := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range inTemplates.FindAllStringSubmatch(string(text), -1) {
			add(m[1], m[2])
		}
		for _, m := range inputs.FindAllStringSubmatch(string(text), -1) {
			used["field."+m[1]] = true
			hints["hint."+m[1]] = true
		}
		for _, m := range labels.FindAllStringSubmatch(string(text), -1) {
			used["field."+m[1]] = true
		}
		for _, m := range hinted.FindAllStringSubmatch(string(text), -1) {
			used["hint."+m[1]] = true
		}
	}
	scripts, err := filepath.Glob("static/*.js")
	require.NoError(t, err)
	for _, f := range scripts {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range inScripts.FindAllStringSubmatch(string(text), -1) {
			used["done."+m[1]] = true
		}
	}
	for _, s := range []quota.State{quota.Waiting, quota.Approved, quota.Refused} {
		used["space.state-"+s.String()] = true
	}
	delete(used, "space.state-")
	for _, what := range consent.CountedCodes() {
		used["counted."+string(what)] = true
	}
	delete(used, "counted.")
	for _, act := range append(acts(t, "../../vault"), acts(t, "../../recovery")...) {
		used["journal.act."+act] = true
	}
	for _, p := range recovery.Pictures() {
		used["picture."+p.Name] = true
	}
	inCode(t, add, ".")
	inCode(t, add, "../admin/pages")
	inCode(t, add, "../language")
	inCode(t, add, "../post")
	for _, size := range []string{"bytes", "kb", "mb", "gb", "tb"} {
		used["size."+size] = true
	}
	for _, p := range problem.All() {
		used["says."+p.Code] = true
	}
	for _, code := range ofTheAPI(t) {
		used["says."+code] = true
	}
	for key := range hints { // a field may have a hint
		used[key] = used[key] || words.In("fr").Has(key)
	}
	for key, is := range used {
		if !is {
			delete(used, key)
		}
	}
	return used
}

// parsed are the files of a package without its tests.
func parsed(t *testing.T, folder string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	var files []*ast.File
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	return files
}

// ofTheAPI are the codes of problems that only a program can meet.
func ofTheAPI(t *testing.T) (codes []string) {
	t.Helper()
	source, err := os.ReadFile("../api/kinds.go")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`kind\{http\.\w+, "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		codes = append(codes, m[1])
	}
	require.NotEmpty(t, codes)
	return codes
}

// acts are the codes of the journal, read from the library's source: a new act
// without words fails here.
func acts(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	for _, f := range parsed(t, folder) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			kind := spec.Type
			if of, ok := kind.(*ast.SelectorExpr); ok { // vault.Act
				kind = of.Sel
			}
			if kind, ok := kind.(*ast.Ident); ok && kind.Name == "Act" && spec.Names[0].Name != "ActErased" { // ActErased stands in no journal
				for _, value := range spec.Values {
					code, err := strconv.Unquote(value.(*ast.BasicLit).Value)
					require.NoError(t, err)
					all = append(all, code)
				}
			}
			return true
		})
	}
	require.NotEmpty(t, all)
	return all
}

// inCode finds the keys in calls of t and n, and the codes of done.
func inCode(t *testing.T, add func(function, key string), folder string) {
	t.Helper()
	for _, f := range parsed(t, folder) {
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok { // to, done := vault.Private, "private"
				for i, left := range a.Lhs {
					if name, ok := left.(*ast.Ident); ok && name.Name == "done" && len(a.Rhs) == len(a.Lhs) {
						addText(add, "t", "done.", a.Rhs[i])
					}
				}
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); ok {
				switch s.Sel.Name {
				case "t", "n", "T", "N":
					addText(add, strings.ToLower(s.Sel.Name), "", call.Args[0])
				case "goTo":
					addText(add, "t", "done.", call.Args[1])
				case "act":
					addText(add, "t", "done.", call.Args[0])
				}
			}
			return true
		})
	}
}

func addText(add func(function, key string), function, before string, e ast.Expr) {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil && text != "" {
			add(function, before+text)
		}
	}
}

func TestMessagesNeverPromiseTooMuch(t *testing.T) {
	t.Parallel()
	// The reserved name, what no server can promise where others are let in, and the word for a centre that
	// only its builders use.
	tooMuch := `(?i)coffre.fort|zero.knowledge|aucune connaissance|relais|relay|perdu votre mot de passe|personne ne peut lire ce qui est enregistré|nobody can read what is stored|خزنة|خزينة|صندوق أمانات|معرفة صفرية|ضاعت منك كلمة السر|محط[ةا]|لا (أحد يستطيع|يستطيع أحد) قراءة ما هو محفوظ|آمن تمام|مئة بالمئة`
	for _, code := range []string{"fr", "en", "ar"} {
		l := words.In(code)
		for _, key := range l.Keys() {
			require.NotRegexp(t, tooMuch, l.T(key), key)
		}
		told := notice.In(code)
		require.Equal(t, code, told.Language)
		for _, text := range []string{told.Text, l.T("privacy.password"), l.T("password.lost")} {
			require.Regexp(t, `ni de moyen de revenir que vous avez préparé, tout est perdu|nor a way back in that you prepared, everything is lost|ولا طريقة للرجوع جهّزتها من قبل، يضيع كل شيء`, text)
		}
		for _, n := range []vault.Notice{told, notice.Following(code), notice.Visiting(code), notice.ForWorkers(code)} {
			require.Equal(t, code, n.Language)
			require.NotRegexp(t, tooMuch, n.Text)
		}
		for _, n := range []vault.Notice{notice.Following(code), notice.Visiting(code)} {
			require.Regexp(t, `a pu en garder une copie|may have kept a copy|قد يكون احتفظ بنسخة منه`, n.Text)
		}
	}
}
