package vault_test

import (
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/testvectors"
	"reconnect.example/recovery"
)

// showSheet reads a person's sheet as it was typed, said or scanned, and writes it in
// every other way.
func showSheet(t *testing.T, v *testvectors.Vector) *shown {
	t.Helper()
	out := &shown{outcome: "success"}
	sheet, err := recovery.ReadSheet(v.Text("typed"))
	if !out.note(err) {
		return out
	}
	out.add("code", sheet.Code)
	if sheet.Login != "" {
		out.add("login", sheet.Login)
	}
	for _, l := range v.All("list") {
		out.add("words", l.Line, strings.Join(sheet.Words(l.Line), " "))
	}
	out.add("scanned", sheet.QRText())
	slices.Sort(out.lines)
	return out
}

// wordLists are those of both languages, a word on a line.
func (w *vectorWriter) wordLists() (fields []field) {
	for _, language := range []string{"en", "fr"} {
		raw := w.must(os.ReadFile(filepath.Join("..", "recovery", "words", language+".txt")))
		fields = append(fields, field{Name: "list", Line: language, Data: norm.NFC.Bytes(raw)})
	}
	return fields
}

// sheets writes the vectors of what stands on a person's recovery sheet.
func (w *vectorWriter) sheets() {
	sheet := recovery.Sheet{Login: "4821 7730 1959", Code: grouped(sheetCode())}
	french, english := sheet.Words("fr"), sheet.Words("en")
	w.based("sheet", "The digits of a person's recovery sheet, and what they are in the words of both lists.", showSheet,
		append([]field{text("kind", "sheet"), text("typed", sheet.Code)}, w.wordLists()...)...)
	good := func(name, comment, typed string) {
		w.based("sheet-"+name, comment, showSheet, text("base", "sheet"), text("gone", "shows"), text("typed", typed))
	}
	broken := func(name, comment, typed string) {
		w.on("sheet", name, "invalid", comment, text("gone", "shows"), text("typed", typed))
	}
	good("of-zeros", "The lowest of all.", digits.InGroups(digits.Complete(new(big.Int), 24)))
	good("of-nines", "The highest.", digits.InGroups(digits.Complete(most(), 24)))
	good("arabic-digits", "Digits of another script, dashes and a mark of direction.", "\u200f"+strings.NewReplacer("1", "١", "2", "٢", "3", "٣", "4", "٤", " ", " – ").Replace(sheet.Code))
	broken("wrong-digit", "One digit is another.", "2"+sheet.Code[1:])
	broken("short", "A digit is missing.", sheet.Code[:len(sheet.Code)-1])

	good("words-en", "English words.", strings.Join(english, " "))
	good("words-fr", "French words.", strings.Join(french, " "))
	good("words-as-typed", "Without accents, in capitals, the first four letters, with numbers before them.", asSaid(french))
	broken("words-two-lists", "Words of two lists.", strings.Join(append(slices.Clone(french[:3]), english[3:]...), " "))
	broken("words-six", "A word is missing.", strings.Join(french[:6], " "))
	broken("words-unknown", "A word of no list.", strings.Join(append(slices.Clone(english[:6]), "reconnect"), " "))
	broken("words-five-letters", "Five letters of a word are neither the word nor its first four.", strings.Join(append(slices.Clone(english[:6]), "aband"), " "))
	broken("words-exchanged", "Two words are exchanged: no multiple of 15.", strings.Join(append([]string{english[1], english[0]}, english[2:]...), " "))
	over := new(big.Int).Add(most(), big.NewInt(1))
	broken("words-too-high", "A multiple of 15 that is more than any code comes to.", w.placed(over.Mul(over, big.NewInt(15))))

	good("scanned", "The QR code, with the login.", sheet.QRText())
	good("scanned-upper-case", "In capitals, which make smaller QR codes.", strings.ToUpper(sheet.QRText()))
	good("scanned-without-login", "Without a login.", recovery.Sheet{Code: sheet.Code}.QRText())
	broken("scanned-wrong-digit", "One digit of its code is another.", strings.Replace(sheet.QRText(), ":12345", ":22345", 1))
	broken("scanned-wrong-login", "One digit of its login is another.", strings.Replace(sheet.QRText(), ":48217", ":58217", 1))
	broken("scanned-another-form", "A form that there is not.", strings.Replace(sheet.QRText(), "sheet:1", "sheet:2", 1))
}

// most is the number of the highest sheet.
func most() *big.Int {
	n := new(big.Int).Exp(big.NewInt(10), big.NewInt(22), nil)
	return n.Sub(n, big.NewInt(1))
}

// asSaid are words as somebody types them in haste.
func asSaid(words []string) string {
	var all []string
	for i, word := range words {
		plain := strings.Map(func(r rune) rune {
			if r >= 0x300 && r < 0x370 {
				return -1
			}
			return r
		}, norm.NFD.String(word))
		all = append(all, itoa(i+1)+". "+strings.ToUpper(plain[:min(4, len(plain))]))
	}
	return strings.Join(all, ", ")
}

// placed is a number in English words, whatever it is.
func (w *vectorWriter) placed(n *big.Int) string {
	list := strings.Fields(string(w.wordLists()[0].Data))
	words := make([]string, 7)
	for i := range words {
		place := new(big.Int)
		n.DivMod(n, big.NewInt(2048), place)
		words[6-i] = list[place.Int64()]
	}
	require.Zero(w.t, n.Sign())
	return strings.Join(words, " ")
}
