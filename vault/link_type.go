package vault

import (
	"bytes"
	"unicode/utf8"
)

// sniffed is how many bytes say what something is.
const sniffed = 512

// sniff says what the first bytes of something that may be left are; "" for anything else.
// What a stranger says of it counts for nothing.
func sniff(b []byte) string {
	for _, k := range []struct {
		at    int
		magic string
		is    string
	}{
		{0, "%PDF-", "application/pdf"},
		{0, "\xff\xd8\xff", "image/jpeg"},
		{0, "\x89PNG\r\n\x1a\n", "image/png"},
		{0, "GIF87a", "image/gif"}, {0, "GIF89a", "image/gif"},
		{8, "WEBP", "image/webp"}, {8, "WAVE", "audio/wav"},
		{0, "II*\x00", "image/tiff"}, {0, "MM\x00*", "image/tiff"},
		{4, "ftypheic", "image/heic"}, {4, "ftypheix", "image/heic"}, {4, "ftypmif1", "image/heif"},
		{0, "OggS", "audio/ogg"}, {0, "\x1aE\xdf\xa3", "audio/webm"},
		{4, "ftypM4A", "audio/mp4"}, {4, "ftypisom", "audio/mp4"}, {4, "ftypiso5", "audio/mp4"}, {4, "ftypmp42", "audio/mp4"}, {4, "ftypdash", "audio/mp4"},
		{0, "ID3", "audio/mpeg"}, {0, "\xff\xfb", "audio/mpeg"}, {0, "\xff\xf3", "audio/mpeg"}, {0, "\xff\xf2", "audio/mpeg"},
		{0, "\xff\xf1", "audio/aac"}, {0, "\xff\xf9", "audio/aac"},
	} {
		if len(b) >= k.at && bytes.HasPrefix(b[k.at:], []byte(k.magic)) && (k.at != 8 || bytes.HasPrefix(b, []byte("RIFF"))) {
			return k.is
		}
	}
	if isText(b) {
		return "text/plain"
	}
	return ""
}

// isText: no control characters; a character that is cut at the end is none the less one.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n < 2 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		b = b[n:]
	}
	return true
}
