package safename_test

import (
	"mime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/safename"
)

func TestNamesThatReverseOrHideAreNeutralised(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"annexe\u202efdp.exe":       "annexefdp.exe",
		"a\u2066b\u2069c":           "abc",
		"a\x00b\x1bc\x7fd\u0085e":   "abcde",
		"line\u2028break":           "line\nbreak",
		"tag\U000e0041ged\ufeff":    "tagged",
		"kept\ttab\nand line":       "kept\ttab\nand line",
		"بطاقة هوية":                "بطاقة هوية",
		"می\u200cخواهم":             "می\u200cخواهم",
		"broken \xff bytes":         "broken \ufffd bytes",
		"<script>alert(1)</script>": "<script>alert(1)</script>",
	} {
		require.Equal(t, want, safename.Text(given))
	}
	require.Equal(t, "one line", safename.Line(" one\r\n\tline "))
}

func TestFileNamesAreSafeOnEverySystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, mediaType, want string }{
		{"Carte d’identité", "image/jpeg", "Carte d’identité.jpg"},
		{"scan.JPEG", "image/jpeg", "scan.JPEG"},
		{"../../etc/passwd", "text/plain", "_.._etc_passwd.txt"},
		{`C:\Windows\x.pdf`, "application/pdf", "C__Windows_x.pdf"},
		{"page.pdf", "text/html", "page.pdf.bin"},
		{"annexe\u202efdp.exe", "application/x-dosexec", "annexefdp.exe.bin"},
		{".htaccess", "text/plain", "htaccess.txt"},
		{"nul", "application/pdf", "document-nul.pdf"},
		{"COM1.x", "application/pdf", "document-com1.x.pdf"},
		{"", "image/png", "document.png"},
		{"...", "image/png", "document.png"},
		{"a\r\nSet-Cookie: x", "application/pdf", "a Set-Cookie_ x.pdf"},
	} {
		require.Equal(t, c.want, safename.File(c.name, c.mediaType))
	}
	long := safename.File(strings.Repeat("é", 300), "application/pdf")
	require.Len(t, []rune(long), 80)
	require.True(t, strings.HasSuffix(long, ".pdf"))
}

func TestOnlyPicturesAndPDFMayBeShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, claimed, want string
		show                 bool
	}{
		{"%PDF-1.7\n", "", "application/pdf", true},
		{"\xff\xd8\xff\xe0", "text/html", "image/jpeg", true},
		{"\x89PNG\x0d\x0a\x1a\x0a", "application/octet-stream", "image/png", true},
		{"<!DOCTYPE html><script>alert(1)</script>", "application/pdf", "text/html", false},
		{"  <html><body>", "image/png", "text/html", false},
		{"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml", "text/xml", false},
		{"MZ\x90\x00", "application/pdf", "application/octet-stream", false},
		{"PK\x03\x04", "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text", false},
		{"PK\x03\x04", "application/pdf", "application/zip", false},
		{"\x00\x01\x02", "text/html", "application/octet-stream", false},
		{"plain words", "text/html", "text/plain", false},
		{"", "application/pdf", "text/plain", false},
	} {
		got, show := safename.Sniff([]byte(c.first), c.claimed)
		require.Equal(t, c.want, got, "%q", c.first)
		require.Equal(t, c.show, show, "%q", c.first)
	}
}

func TestContentDispositionCarriesTheRealNameAndNoHeader(t *testing.T) {
	t.Parallel()
	require.Equal(t, `attachment; filename="a.pdf"`, safename.Attachment("a.pdf"))
	require.Equal(t, `inline; filename="_.png"; filename*=UTF-8''%C3%A9.png`, safename.Inline("é.png"))
	for _, name := range []string{"Carte d’identité.jpg", "بطاقة.pdf", `quote".pdf`, "100%.pdf", "a;b.pdf", "with space.pdf"} {
		header := safename.Attachment(name)
		require.NotContains(t, header, "\n")
		kind, parameters, err := mime.ParseMediaType(header)
		require.NoError(t, err)
		require.Equal(t, "attachment", kind)
		require.Equal(t, name, parameters["filename"])
	}
}
