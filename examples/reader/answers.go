package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// What is forgiven in an answer: rules 1 of docs/format.md.

var alike = strings.NewReplacer(
	"ß", "ss", "ı", "i", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ħ", "h", "ŧ", "t", "ŋ", "n", "ґ", "г",
	"ٱ", "ا", "ى", "ي", "ی", "ي", "ې", "ي", "ۍ", "ي", "ے", "ي", "ة", "ه", "ہ", "ه", "ھ", "ه", "ە", "ه", "ۃ", "ه", "ک", "ك", "ګ", "گ", "ء", "", "ـ", "")

// pictures are the names of those that there are.
const pictures = `
sun moon star cloud rain snow fire wave tree palm cactus flower rose leaf mushroom mountain
cat horse cow sheep camel elephant lion rabbit bird rooster duck owl fish turtle crab butterfly
bee ant frog snail apple banana lemon grapes carrot tomato bread egg cheese teapot spoon key
house door chair bed lamp clock book pencil scissors hammer umbrella shoe hat glasses bicycle boat`

func normalAnswer(answer string) string {
	folded := strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, norm.NFKD.String(answer))
	return norm.NFC.String(strings.Map(keptOf, alike.Replace(norm.NFKD.String(folded))))
}

// keptOf is what stays of a character: -1 for nothing.
func keptOf(r rune) rune {
	switch {
	case unicode.Is(unicode.Nd, r):
		return digitOf(r)
	case r >= 'ሠ' && r <= 'ሧ':
		return r - 'ሠ' + 'ሰ'
	case r >= 'ፀ' && r <= 'ፇ':
		return r - 'ፀ' + 'ጸ'
	case r >= 'ኀ' && r <= 'ኆ':
		return r - 'ኀ' + 'ሀ'
	case strings.ContainsRune("\u3099\u309aー", r):
		return r
	case unicode.Is(unicode.M, r) && unicode.In(r, unicode.Inherited, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Ethiopic),
		unicode.Is(unicode.Lm, r) && unicode.Is(unicode.Common, r),
		!unicode.In(r, unicode.L, unicode.M, unicode.N):
		return -1
	}
	return r
}

// digitOf is the ASCII digit of a decimal one: they stand in rows of ten (Unicode, 4.6).
func digitOf(r rune) rune {
	zero := r
	for unicode.Is(unicode.Nd, zero-1) && r-zero < 9 {
		zero--
	}
	return '0' + (r-zero)%10
}
