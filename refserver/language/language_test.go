package language_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/language"
)

// plain turns the spaces that do not break into plain ones.
func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

var verbs = regexp.MustCompile(`%(?:\[\d\])?0?\d?[sd%]`)

// plural are the endings of the keys that a number chooses among.
var plural = regexp.MustCompile(`\.(zero|one|two|few|many|other)$`)

// wants is what stands in a sentence, whatever the order.
func wants(text string) []string {
	var all []string
	for _, verb := range verbs.FindAllString(text, -1) {
		all = append(all, verb[len(verb)-1:])
	}
	slices.Sort(all)
	return all
}

func TestEveryFileIsWellFormed(t *testing.T) {
	t.Parallel()
	french := language.In("fr")
	for _, code := range language.Codes() {
		l := language.In(code)
		require.Equal(t, code, l.Code)
		file, err := os.ReadFile("messages/" + code + ".json")
		require.NoError(t, err)
		require.Len(t, regexp.MustCompile(`(?m)^\s*"[^"]+":`).FindAll(file, -1), len(l.Keys()), "%s has a message twice", code)
		var texts map[string]string
		require.NoError(t, json.Unmarshal(file, &texts))
		for key, text := range texts {
			require.NotEmpty(t, strings.TrimSpace(text), "%s: %q", code, key)
			require.NotRegexp(t, "[\u202a-\u202e\u2066-\u2069]", text, "%s: %q turns the direction of what follows", code, key)
			same := key
			if !french.Has(key) && plural.MatchString(key) { // a form that French does not have
				same = plural.ReplaceAllString(key, ".other")
			}
			require.True(t, french.Has(same), "%s: %q is in no other language", code, key)
			if number := wants(french.T(same)); !plural.MatchString(key) || len(number) != 1 || len(wants(text)) != 0 { // a plural may do without its number
				require.Equal(t, number, wants(text), "%s: %q", code, key)
			}
		}
	}
}

// In a language that is offered nothing is missing, and each number has its form.
func TestWhatIsOfferedIsComplete(t *testing.T) {
	t.Parallel()
	counted := func(key string) bool {
		fr, stem := language.In("fr"), plural.ReplaceAllString(key, "")
		return stem != key && fr.Has(stem+".one") && fr.Has(stem+".other")
	}
	forms := map[string][]string{"fr": {"one", "other"}, "en": {"one", "other"}, "ar": {"zero", "one", "two", "few", "many", "other"}}
	for _, code := range language.Offered() {
		keys := language.In(code).Keys()
		for _, key := range language.In("fr").Keys() {
			if !counted(key) {
				require.True(t, slices.Contains(keys, key), "%s: %s", code, key)
				continue
			}
			for _, form := range forms[code] {
				require.True(t, slices.Contains(keys, plural.ReplaceAllString(key, "."+form)), "%s: %s in the form %s", code, key, form)
			}
		}
	}
}

func TestSizesAreDecimalAndShort(t *testing.T) {
	t.Parallel()
	fr, en := language.In("fr"), language.In("en")
	for bytes, want := range map[int64][2]string{
		0: {"0 octets", "0 bytes"}, 999: {"999 octets", "999 bytes"}, 1000: {"1 ko", "1 kB"}, 1500: {"1,5 ko", "1.5 kB"},
		12_345: {"12 ko", "12 kB"}, 999_400: {"999 ko", "999 kB"}, 999_600: {"1 Mo", "1 MB"}, 2_340_000: {"2,3 Mo", "2.3 MB"},
		150_000_000: {"150 Mo", "150 MB"}, 2_000_000_000: {"2 Go", "2 GB"},
	} {
		require.Equal(t, want, [2]string{plain(fr.Size(bytes)), plain(en.Size(bytes))})
	}
	require.Equal(t, "2,3 ميغابايت", plain(language.In("ar").Size(2_340_000)))
}

func TestDatesAndTimesAreSaidInWords(t *testing.T) {
	t.Parallel()
	fr, en := language.In("fr"), language.In("en")
	at := time.Date(2026, 12, 1, 10, 5, 0, 0, time.UTC)
	require.Equal(t, "mardi 1er décembre 2026 à 10 h 05", plain(fr.When(at)))
	require.Equal(t, "Tuesday, 1 December 2026 at 10:05", en.When(at))
	require.Equal(t, "1er décembre 2026", fr.Date(at))
	require.Equal(t, "11 décembre 2026", fr.Date(at.AddDate(0, 0, 10)))
	require.Equal(t, "21 décembre 2026", fr.Date(at.AddDate(0, 0, 20)))
	require.Equal(t, "décembre 2026", fr.Month(at))
	for _, code := range language.Codes() {
		said := language.In(code).Day(at)
		require.Regexp(t, `\D0?1\D`, " "+said+" ", code)
		require.Contains(t, said, "2026", code)
	}
}

func TestNumbersAgreeWithTheirNouns(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]map[int]string{
		"fr": {0: "0 papier", 1: "1 papier", 2: "2 papiers"},
		"en": {0: "0 papers", 1: "1 paper", 2: "2 papers"},
		"ar": {0: "لا أوراق", 1: "ورقة واحدة", 2: "ورقتان", 3: "3 أوراق", 10: "10 أوراق", 11: "11 ورقة", 103: "103 أوراق"},
	} {
		for n, text := range want {
			require.Equal(t, text, language.In(code).N("home.papers", n))
		}
	}
	require.Equal(t, "11 موعدًا", language.In("ar").N("home.appointments", 11))
	require.Equal(t, "100 موعد", language.In("ar").N("home.appointments", 100))
}

// Numbers are written with the digits of the papers and phones here, and nothing turns
// their direction.
func TestArabicKeepsTheDigitsThatStandOnCards(t *testing.T) {
	t.Parallel()
	ar := language.In("ar")
	at := time.Date(2026, 12, 1, 10, 5, 0, 0, time.UTC)
	require.Equal(t, "الثلاثاء، 1 ديسمبر 2026، الساعة 10:05", ar.When(at))
	said := []string{ar.Date(at), ar.Month(at), ar.Size(1_234_567)}
	for _, key := range ar.Keys() {
		said = append(said, ar.T(key))
	}
	for _, text := range said {
		require.NotRegexp(t, `[٠-٩۰-۹\x{200e}\x{200f}\x{061c}]`, text)
	}
}

func TestAReaderGetsTheLanguageThatTheyPrefer(t *testing.T) {
	t.Parallel()
	c := language.NewChooser([]string{"fr", "en", "ar", "prs"})
	for header, want := range map[string]string{
		"": "fr", "xx": "fr", "ar-MA,fr;q=0.5": "ar", "en-US": "en", "de, en;q=0.4": "en", "prs": "prs", "fa-AF": "prs", "\xff;;": "fr",
	} {
		require.Equal(t, want, c.Choose(header), header)
	}
	require.Equal(t, "rtl", language.In("ar").Direction())
	require.Equal(t, "rtl", language.In("prs").Direction())
	require.Equal(t, "ltr", language.In("uk").Direction())
	require.Equal(t, "en", language.In("none").Code)
}

// A language that nobody has reviewed may be incomplete: then it says the rest in English.
func TestWhatIsNotTranslatedIsSaidInEnglish(t *testing.T) {
	t.Parallel()
	for _, code := range language.Codes() {
		if !slices.Contains(language.Offered(), code) {
			for _, key := range language.In("fr").Keys() {
				if !plural.MatchString(key) {
					require.True(t, language.In(code).Has(key), key)
				}
			}
			require.NotContains(t, language.In(code).N("home.papers", 5), "[")
		}
	}
	require.Equal(t, "[no.such.key]", language.In("fr").T("no.such.key"))
	require.Equal(t, "[no.such.key]", language.In("fr").N("no.such.key", 2))
}

// In French a sign stands off its word by a space at which no line breaks: nobody reads
// « at the end of one line and the word on the next.
func TestFrenchSignsStayWithTheirWords(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("messages/fr.json")
	require.NoError(t, err)
	var texts map[string]string
	require.NoError(t, json.Unmarshal(file, &texts))
	for key, text := range texts {
		require.NotRegexp(t, `« | (?:[»:;?!]|%%|%$)`, text, "%q: U+00A0 belongs there", key)
	}
}
