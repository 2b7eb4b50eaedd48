package recovery

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"reconnect.example/internal/digits"
)

// An answer is given years later, on another keyboard, by somebody under stress. So what
// people do not mean when they write is forgiven, before anything is derived:
//
//	form, width, case              ＭＡＲＩＡ, maria, ﬁ, ß and ss            Unicode NFKD, case by letter
//	accents and marks              é, ñ, ё, й, ї, harakat, niqqud          of Latin, Greek, Cyrillic, Arabic, Hebrew, Syriac, Ethiopic
//	spaces and punctuation         "Saint-Étienne", "saint etienne"        everything that is no letter, digit or mark
//	letters with a stroke or tail  ø, ł, đ, æ, œ, ı, ґ                     as most people type them
//	Arabic letters                 أ إ آ ٱ ا; ى ی ې ۍ ي ئ; ة ه ہ ھ ە; ک ك; ګ گ; ؤ و; ء and ـ fall away
//	Ethiopic letters               ሠ ሰ; ፀ ጸ; ኀ ሀ: one sound in Tigrinya
//	digits                         of any script, as 0 to 9
//
// Marks of other scripts stay: in those of India, or in Japanese, they are letters.
//
// The rules have a number, which lies with the keyslot. A rule is never changed: what was
// derived by it would never be derived again. New rules get a new number, and the old ones
// stay for the answers that were given under them.
const normal1 uint8 = 1

// normalAnswer gives an answer the one form that stands for all of its spellings. It may
// be empty, which is no answer.
func normalAnswer(answer string) string {
	letters := norm.NFKD.String(strings.Map(folded, norm.NFKD.String(answer)))
	var b strings.Builder
	for _, r := range letters {
		if d, ok := digits.Value(r); ok {
			b.WriteByte('0' + d)
			continue
		}
		if alike, ok := alikeLetters[r]; ok {
			b.WriteString(alike)
			continue
		}
		if counts(r) {
			b.WriteRune(ethiopic(r))
		}
	}
	return norm.NFC.String(b.String())
}

// folded forgives the case of a letter, and the other forms of one: ς is σ.
func folded(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }

// alikeLetters are letters that are written for each other, and have no decomposition that
// says so. What is empty falls away.
var alikeLetters = map[rune]string{
	'ß': "ss", 'ı': "i", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'æ': "ae", 'œ': "oe", 'ħ': "h", 'ŧ': "t", 'ŋ': "n",
	'ґ': "г",
	'ٱ': "ا",
	'ى': "ي", 'ی': "ي", 'ې': "ي", 'ۍ': "ي", 'ے': "ي",
	'ة': "ه", 'ہ': "ه", 'ھ': "ه", 'ە': "ه", 'ۃ': "ه",
	'ک': "ك", 'ګ': "گ",
	'ء': "", 'ـ': "",
}

// marked are the scripts whose marks are not meant.
var marked = []*unicode.RangeTable{unicode.Inherited, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Ethiopic}

// counts says whether a character is part of an answer.
func counts(r rune) bool {
	switch {
	case r == '\u3099', r == '\u309a', r == 'ー': // they make another syllable of one
		return true
	case unicode.Is(unicode.M, r):
		return !unicode.In(r, marked...)
	case unicode.Is(unicode.Lm, r):
		return !unicode.Is(unicode.Common, r) // apostrophes
	}
	return unicode.In(r, unicode.L, unicode.N)
}

// ethiopic brings the rows of letters that sound alike together. A row has a letter for
// each vowel, in one order (Unicode Standard, section 19.1).
func ethiopic(r rune) rune {
	for _, row := range [...]struct{ from, to, into rune }{{'ሠ', 'ሧ', 'ሰ'}, {'ፀ', 'ፇ', 'ጸ'}, {'ኀ', 'ኆ', 'ሀ'}} {
		if r >= row.from && r <= row.to {
			return r - row.from + row.into
		}
	}
	return r
}

// lasting says whether every character of a text has its meaning for good: what Unicode
// has not assigned yet, or never will, might count tomorrow and does not today.
func lasting(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		assigned := unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf)
		return !assigned || r == unicode.ReplacementChar
	})
}
