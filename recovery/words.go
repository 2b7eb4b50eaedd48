package recovery

import (
	_ "embed" // the lists
	"math/big"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"reconnect.example/internal/digits"
)

// The code of a sheet in words: its 22 drawn digits as a number, times fifteen, to the
// base of 2048, the highest place first. So only one in fifteen of all rows of seven words
// is a code at all: most slips to another word of the list are noticed, beside the many
// that lead to no word. All of the number is in the words: nothing is lost by them.
//
// The lists are those of BIP-0039 (words/LICENSE): without accents too, no word has the
// same first four letters as another of its list.
var (
	//go:embed words/en.txt
	englishWords string
	//go:embed words/fr.txt
	frenchWords string
)

const (
	sheetWords  = 7
	wordBits    = 11 // 2048 words
	wordCheck   = 15 // times 10^22, the most that seven words have room for
	wordLetters = 4  // that tell a word from the others of its list
)

func wordList(language string) []string {
	switch language {
	case "en":
		return strings.Fields(englishWords)
	case "fr":
		return strings.Fields(norm.NFC.String(frenchWords))
	}
	return nil
}

// inWords writes a code in words of a language.
func inWords(code, language string) []string {
	list := wordList(language)
	n, ok := new(big.Int).SetString(code[:sheetDigits-2], 10)
	if !ok || list == nil {
		return nil
	}
	n.Mul(n, big.NewInt(wordCheck))
	out := make([]string, sheetWords)
	for i := range slices.Backward(out) {
		place := new(big.Int).And(n, big.NewInt(1<<wordBits-1))
		out[i] = list[place.Int64()]
		n.Rsh(n, wordBits)
	}
	return out
}

// fromWords reads a code in words of any list. The first four letters of a word do.
func fromWords(typed string) (code string, ok bool) {
	words := strings.FieldsFunc(typed, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M) })
	if len(words) != sheetWords {
		return "", false
	}
	for _, language := range []string{"en", "fr"} {
		if code, ok := wordsOf(words, wordList(language)); ok {
			return code, true
		}
	}
	return "", false
}

func wordsOf(words, list []string) (code string, ok bool) {
	places := map[string]int{}
	for place, word := range list {
		word = normalAnswer(word)
		places[word], places[word[:min(wordLetters, len(word))]] = place, place
	}
	n := new(big.Int)
	for _, word := range words {
		place, ok := places[normalAnswer(word)]
		if !ok {
			return "", false
		}
		n.Or(n.Lsh(n, wordBits), big.NewInt(int64(place)))
	}
	n, rest := n.DivMod(n, big.NewInt(wordCheck), new(big.Int))
	if rest.Sign() != 0 || len(n.String()) > sheetDigits-2 {
		return "", false
	}
	return digits.Complete(n, sheetDigits), true
}
