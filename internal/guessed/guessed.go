// Package guessed knows which passwords are guessed first: the common and the leaked
// ones, those of French and Arabic keyboards, the words of a service like this one, and
// what is a row of keys, a day or a repetition.
//
// breached.txt holds the 12,000 most common of leaked passwords that have 8 characters
// or more, and 4,000 shorter words among the first, folded as [Is] folds: from
// src/passwords.json of @zxcvbn-ts/language-common 4.1.3 on npm, under the MIT licence
// (LICENSE-breached.txt). own.txt is ours.
package guessed

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"reconnect.example/internal/digits"
)

var (
	//go:embed breached.txt
	breached string
	//go:embed own.txt
	own string
)

// around is how many digits and signs somebody may put around a word that is guessed
// first, and have it guessed all the same: "Soleil2026!".
const around = 6

// Is reports whether a password is one that is guessed first. Case, accents, spaces and
// signs make no difference, nor do a few digits before or behind. It takes less than a
// millisecond.
func Is(password string) bool {
	for _, folded := range []string{fold(password), fold(latin(password))} {
		if isRow(folded) || isDay(folded) || repeats(folded) || isListed(folded) {
			return true
		}
		base := strings.Trim(folded, "0123456789")
		left := len([]rune(password)) - len([]rune(base))
		if left <= around && isListed(base) {
			return true
		}
	}
	return false
}

// fold keeps letters and digits, without case and accents, the digits of every script as
// ASCII.
func fold(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if d, is := digits.Value(r); is {
			b.WriteByte('0' + d)
		} else if unicode.IsLetter(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// isListed looks for a folded password in the lists.
func isListed(folded string) bool {
	if len([]rune(folded)) < 3 {
		return false
	}
	_, listed := slices.BinarySearch(lists(), folded)
	return listed
}

// lists are both, folded and in order.
var lists = sync.OnceValue(func() []string {
	all := strings.Fields(breached)
	for line := range strings.Lines(own) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, fold(line))
		}
	}
	slices.Sort(all)
	return all
})

// rows are what lies or stands side by side.
var rows = sync.OnceValue(func() []string {
	all := []string{
		"01234567890123456789",
		"abcdefghijklmnopqrstuvwxyz",
		"qwertyuiopasdfghjklzxcvbnm", "azertyuiopqsdfghjklmwxcvbn", "qwertzuiopasdfghjklyxcvbnm",
		"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1a2z3e4r5t6y7u8i9o0p", "a1z2e3r4t5y6u7i8o9p0",
		"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1aqw2zsx3edc4rfv5tgb6yhn7uj8ik9ol0pm", "aqwzsxedcrfvtgbyhnujikolpm",
		"ضصثقفغعهخحجدشسيبلاتنمكطئءؤرلاىةوزظ", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "ابجدهوزحطيكلمنسعفصقرشتثخذضظغ",
		"йцукенгшщзхъфывапролджэячсмитьбю", "абвгдежзийклмнопрстуфхцчшщъыьэюя",
	}
	for i, row := range all {
		all[i] = fold(row)
	}
	return all
})

// isRow reports whether a folded password is a piece of a row, in either direction.
func isRow(folded string) bool {
	if folded == "" {
		return false
	}
	back := reversed(folded)
	for _, row := range rows() {
		if strings.Contains(row, folded) || strings.Contains(row, back) {
			return true
		}
	}
	return false
}

func reversed(text string) string {
	runes := []rune(text)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

// isDay reports whether all of it is the date of a life: whoever helps knows some.
func isDay(folded string) bool {
	for _, form := range []string{"02012006", "01022006", "20060102"} {
		if day, err := time.Parse(form, folded); err == nil && day.Year() >= 1900 && day.Year() < 2100 {
			return true
		}
	}
	return false
}

// repeats reports whether a few characters, or a word of the lists, are said again and
// again.
func repeats(folded string) bool {
	runes := []rune(folded)
	for n := 1; n <= len(runes)/2; n++ {
		unit := string(runes[:n])
		if len(runes)%n != 0 || strings.Repeat(unit, len(runes)/n) != folded {
			continue
		}
		if n <= 4 || isListed(unit) || isRow(unit) {
			return true
		}
	}
	return false
}

// keys are the Latin keys under Arabic letters: a word of the lists that was typed on the
// other keyboard is no better.
var keys = strings.NewReplacer(
	"ض", "q", "ص", "w", "ث", "e", "ق", "r", "ف", "t", "غ", "y", "ع", "u", "ه", "i", "خ", "o", "ح", "p",
	"ش", "a", "س", "s", "ي", "d", "ب", "f", "لا", "b", "ل", "g", "ا", "h", "ت", "j", "ن", "k", "م", "l",
	"ئ", "z", "ء", "x", "ؤ", "c", "ر", "v", "ى", "n", "ة", "m",
)

func latin(password string) string { return keys.Replace(password) }
