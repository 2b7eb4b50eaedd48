package main

import (
	"math/big"
	"strings"
	"unicode"
)

// A person's recovery sheet, as it is typed, said or scanned.

const sheetQR = "reconnect:sheet:1:"

// readSheet reads digits, the text of the QR code, or words of a list, where the vector has
// some. Only the QR code has a login.
func readSheet(v *vector, typed string) (login, code string, err error) {
	typed = strings.TrimSpace(typed)
	if rest, ok := strings.CutPrefix(strings.ToLower(typed), sheetQR); ok {
		login, typed, _ = strings.Cut(rest, ":")
		if plain, ok := digits(login, 12); login != "" {
			if !ok || !luhn(plain) {
				return "", "", errInvalid
			}
			login = grouped(plain)
		}
	} else if code, ok := fromWords(v, typed); ok {
		return "", code, nil
	}
	code, ok := digits(typed, 24)
	if !ok || checkDigits(code[:22]) != code[22:] {
		return "", "", errInvalid
	}
	return login, code, nil
}

// fromWords reads seven words of one of the lists, in the order of these.
func fromWords(v *vector, typed string) (code string, ok bool) {
	words := strings.FieldsFunc(typed, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M) })
	for _, l := range v.all("list") {
		if code, ok = wordsOf(words, strings.Fields(string(l.data))); ok && len(words) == 7 {
			return code, true
		}
	}
	return "", false
}

func wordsOf(words, list []string) (code string, ok bool) {
	places := map[string]int64{}
	for i, word := range list {
		word = normalAnswer(word)
		places[word], places[word[:min(4, len(word))]] = int64(i), int64(i)
	}
	n := new(big.Int)
	for _, word := range words {
		place, ok := places[normalAnswer(word)]
		if !ok {
			return "", false
		}
		n.Add(n.Mul(n, big.NewInt(2048)), big.NewInt(place))
	}
	n, rest := n.DivMod(n, big.NewInt(15), new(big.Int))
	if rest.Sign() != 0 || len(n.String()) > 22 {
		return "", false
	}
	plain := strings.Repeat("0", 22-len(n.String())) + n.String()
	return plain + checkDigits(plain), true
}

// inWords writes a code with a list.
func inWords(code string, list []string) string {
	n, _ := new(big.Int).SetString(code[:22], 10)
	n.Mul(n, big.NewInt(15))
	words := make([]string, 7)
	for i := range words {
		place := new(big.Int)
		n.DivMod(n, big.NewInt(2048), place)
		words[6-i] = list[place.Int64()]
	}
	return strings.Join(words, " ")
}

// trySheet reads a sheet; the first of its kind is written as it was.
func trySheet(v *vector) ([]string, error) {
	login, code, err := readSheet(v, v.text("typed"))
	if err != nil {
		return nil, err
	}
	shows := []string{"code | " + grouped(code)}
	if login != "" {
		shows = append(shows, "login | "+login)
	}
	for _, l := range v.all("list") {
		shows = append(shows, "words | "+l.line+" | "+inWords(code, strings.Fields(string(l.data))))
	}
	return sorted(append(shows, "scanned | "+sheetQR+strings.ReplaceAll(login, " ", "")+":"+code)), nil
}
