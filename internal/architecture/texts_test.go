package architecture

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// topLevel is all that may lie in the module's folder: who lists it knows the system.
var topLevel = []string{
	"vault", "recovery", "consent", "quota", "storage", "examples", "refserver", "internal", "docs", ".ci",
	"doc.go", "go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ".gitignore", ".git",
}

// strangers finds what does not belong there.
func strangers(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(topLevel, name) || ignored(name) })
}

// texts are all text files of the repository, and exists every path in it.
func texts(t *testing.T) (contents map[string]string, exists map[string]bool) {
	contents, exists = map[string]string{}, map[string]bool{".": true}
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ignored(name) && entry.IsDir() {
			return fs.SkipDir
		}
		exists[name] = true
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			return err
		}
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err == nil && utf8.Valid(content) {
			contents[name] = string(content)
		}
		return err
	}))
	return contents, exists
}

// elsewhere is an absolute path into a folder in which somebody works.
var elsewhere = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.])(/(?:work|home|root|Users)/[A-Za-z.]+)`)

// outside finds texts that point out of the repository, at the place where somebody happened to work on it. The program that checks a
// fresh clone may look around.
func outside(contents map[string]string) []string {
	var broken []string
	for name, content := range contents {
		if inside(name, ".ci") {
			continue
		}
		for _, found := range elsewhere.FindAllStringSubmatch(content, -1) {
			broken = append(broken, name+" points outside the repository: "+found[1])
		}
	}
	return broken
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeBlock    = regexp.MustCompile("(?ms)^```.*?^```$")
	heading      = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
)

// anchors are the places in a Markdown text that a link can name, made as GitHub makes them.
func anchors(content string) []string {
	var found []string
	for _, h := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(content, ""), -1) {
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, h[1]))
	}
	return found
}

// deadLinks: every link inside the repository leads to a file, and to a heading in it where it names one.
func deadLinks(contents map[string]string, exists map[string]bool) []string {
	var broken []string
	for name, content := range contents {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, link := range markdownLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(content, ""), -1) {
			if strings.Contains(link[1], "://") || strings.HasPrefix(link[1], "mailto:") {
				continue
			}
			target, anchor, _ := strings.Cut(link[1], "#")
			where := name
			if target != "" {
				where = path.Join(path.Dir(name), target)
			}
			if !exists[where] || anchor != "" && !slices.Contains(anchors(contents[where]), anchor) {
				broken = append(broken, fmt.Sprintf("%s: the link %s leads nowhere", name, link[1]))
			}
		}
	}
	return broken
}

func TestTheTopLevelIsTheArchitecture(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.Empty(t, strangers(names))
	require.Equal(t, []string{"util"}, strangers([]string{"vault", "util", "go.mod", "reconnect-data"}))
}

func TestTheRepositoryStandsAlone(t *testing.T) {
	t.Parallel()
	contents, _ := texts(t)
	require.Empty(t, outside(contents))
	desk := "/" + "home/somebody/notes.md"
	require.Len(t, outside(map[string]string{"a.md": "see " + desk, ".ci/run": desk, "b.md": "docs/home/somebody", "c.go": "refserver/work/x"}), 1)
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	require.Empty(t, deadLinks(texts(t)))
	require.Equal(t, []string{
		"docs/a.md: the link gone.md leads nowhere",
		"docs/a.md: the link #nowhere leads nowhere",
	}, deadLinks(map[string]string{
		"docs/a.md": "# What it is: a safe\n[gone](gone.md) [here](#what-it-is-a-safe) [nowhere](#nowhere) [up](../README.md) [web](https://example.org/x)\n" +
			"```\n[in code](gone.md)\n```\n",
		"README.md": "# Hello\n[docs](docs/a.md#what-it-is-a-safe)\n",
	}, map[string]bool{"docs/a.md": true, "README.md": true}))
}
