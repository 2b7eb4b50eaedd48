// Package safename makes names that people or programs chose harmless on their
// way out: on a page, in a header, as the name of a file (A8, G6). Names are
// kept as they were given; they are neutralised where they are shown.
package safename

import (
	"fmt"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns a name or text fit to be shown: without control characters other
// than line breaks and tabs, without the marks that reverse the direction of
// what follows them ("annexe[RLO]fdp.exe" reads as "annexeexe.pdf"), and in
// valid UTF-8. Escaping for HTML stays the template's work.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\u2028' || r == '\u2029': // line separators that break scripts
			return '\n'
		case unicode.IsControl(r), reversesDirection(r), r == '\ufeff', r == '\ufff9', r == '\ufffa', r == '\ufffb':
			return -1
		case r >= 0xe0000 && r <= 0xe007f: // tags: invisible text
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// Line is Text on one line.
func Line(s string) string {
	return strings.Join(strings.Fields(Text(s)), " ")
}

// reversesDirection reports whether r is an explicit embedding, override or
// isolate (Unicode UAX 9). The plain marks of Arabic and Hebrew stay.
func reversesDirection(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// longest is the length of a file name in characters, with its ending: far
// below what file systems take, in any script.
const (
	longest      = 80
	longestBytes = 200
)

// File returns a name under which a document can be saved on any system: no
// path, no reserved character, no leading dot, and an ending that is honest
// about what the bytes are. mediaType is what Sniff found.
func File(name, mediaType string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r == '\u2044' || r == '\u2215' {
			return '_'
		}
		return r
	}, Line(name))
	ending := ending(mediaType)
	if given := strings.ToLower(path.Ext(name)); given == ending || slices.Contains(alsoCalled[ending], given) {
		ending = path.Ext(name)
		name = strings.TrimSuffix(name, ending)
	}
	name = strings.Trim(name, ". ")
	runes := []rune(name)
	runes = runes[:min(len(runes), longest-len(ending))]
	for len(string(runes)) > longestBytes { // four bytes a character in some scripts
		runes = runes[:len(runes)-1]
	}
	name = strings.TrimRight(string(runes), ". ")
	if name == "" || isDevice(name) {
		name = "document" + strings.ToLower("-"+name)
		name = strings.TrimSuffix(name, "-")
	}
	return name + ending
}

// Folder returns a name under which a folder can be made on any system.
func Folder(name string) string {
	name = strings.TrimSuffix(File(name, ""), ".bin")
	return strings.Trim(name, ". ")
}

// isDevice reports whether Windows takes a name for a device and not a file.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL"}, stem) {
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && unicode.IsDigit(rune(stem[3]))
}

// endings are those of the kinds that papers usually are. Any other kind is
// saved as ".bin": a double click then opens nothing.
var endings = map[string]string{
	"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif",
	"image/heic": ".heic", "image/tiff": ".tif", "image/bmp": ".bmp", "text/plain": ".txt",
	"application/msword": ".doc", "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
	"application/vnd.oasis.opendocument.text": ".odt", "application/vnd.ms-excel": ".xls",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
	"application/vnd.oasis.opendocument.spreadsheet":                    ".ods", "application/zip": ".zip", "application/json": ".json",
	"audio/mpeg": ".mp3", "audio/ogg": ".ogg", "video/mp4": ".mp4",
}

var alsoCalled = map[string][]string{".jpg": {".jpeg"}, ".tif": {".tiff"}, ".mp4": {".m4v"}}

func ending(mediaType string) string {
	base, _, _ := mime.ParseMediaType(mediaType)
	if e, known := endings[base]; known {
		return e
	}
	return ".bin"
}

// shown are the kinds that may be shown in a browser, in a sandbox. A browser
// runs nothing in a picture; SVG is not among them because it holds scripts.
var shown = []string{"image/jpeg", "image/png", "image/webp", "image/gif", "application/pdf"}

// Sniff returns the media type of a document from its first bytes (512 are
// enough) and whether a browser may show it. What the depositor claimed counts
// only where the bytes agree or say nothing: a page of HTML named "paper.pdf"
// is not a PDF.
func Sniff(first []byte, claimed string) (mediaType string, mayShow bool) {
	found, _, _ := mime.ParseMediaType(http.DetectContentType(first))
	if slices.Contains(shown, found) {
		return found, true
	}
	claimed, _, _ = mime.ParseMediaType(claimed)
	switch found {
	case "application/octet-stream", "application/zip": // office files are ZIP files
		if _, known := endings[claimed]; known && !slices.Contains(shown, claimed) && !strings.HasPrefix(claimed, "text/") {
			return claimed, false
		}
	}
	return found, false
}

// Attachment returns the value of a Content-Disposition header (RFC 6266) that
// makes a browser save and never show: an ASCII name for old programs and the
// real one encoded as RFC 8187 says. name comes from File.
func Attachment(name string) string { return disposition("attachment", name) }

// Inline is Attachment for what a browser may show.
func Inline(name string) string { return disposition("inline", name) }

func disposition(kind, name string) string {
	var plain, encoded strings.Builder
	for _, r := range name {
		if r < 0x20 || r > 0x7e || strings.ContainsRune(`"\%;`, r) {
			r = '_'
		}
		plain.WriteRune(r)
	}
	for i := range len(name) {
		if c := name[i]; c < utf8.RuneSelf && (c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0) {
			encoded.WriteByte(c)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", c)
		}
	}
	if encoded.String() == plain.String() {
		return fmt.Sprintf(`%s; filename="%s"`, kind, plain.String())
	}
	return fmt.Sprintf(`%s; filename="%s"; filename*=UTF-8''%s`, kind, plain.String(), encoded.String())
}
