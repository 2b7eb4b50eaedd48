package guessed

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestWhatIsGuessedFirstIsKnownInEveryScriptAndSpelling(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"password", "PassWord", "pass word", "p-a-s-s-w-o-r-d", "passw0rd", "password1", "Password2026!", "iloveyou", "trustno1",
		"motdepasse", "Mot de Passe", "azertyuiop", "AZERTY123", "marseille13", "Soleil2026!", "étoile1998", "je t'aime", "monamour",
		"كلمة السر", "كَلِمَة السّر", "محمد١٢٣٤", "الله أكبر", "بسم الله الرحمن الرحيم", "ضصثقفغعه", "حخهعغفقثصض", "ابتثجحخد",
		"حشسسصخقي", // password, on Arabic keys
		"12345678", "٨٧٦٥٤٣٢١", "۰۱۲۳۴۵۶۷", "1qaz2wsx", "qwertyuiop", "йцукенгш", "abcdefgh", "lkjhgfdsq",
		"01011990", "31/12/1985", "1990-01-01", "١٥٠٨١٩٧٣", "abababab", "abcdabcd", "bonjourbonjour", "azertyazerty",
		"reconnect", "Reconnect2026", "cloud solidaire", "coffre-fort", "mes papiers", "أوراقي٢٠٢٦",
	} {
		require.True(t, Is(p), p)
	}
}

func TestWordsThatTogetherAreNobodysStay(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"bato kiru mesa lova", "gato niru pesa fova", "four words to keep", "quatre mots que nul ne sait", "mirabelle quiche 42",
		"قنديل بحر ازرق", "тихий омут ложка", "密码密码一二三四", "4821 7730 1959 0417", "!!!! £££ $$", "soleil sous la table verte", "",
	} {
		require.False(t, Is(p), p)
	}
}

// Bigger than the 3,000 that OWASP asks for, of those that are long enough to be chosen.
func TestTheListIsLongCleanAndOfWhatCouldBeChosen(t *testing.T) {
	t.Parallel()
	long := 0
	for _, list := range []string{breached, own} {
		require.True(t, strings.HasSuffix(list, "\n"))
		for line := range strings.Lines(list) {
			line = strings.TrimSuffix(line, "\n")
			require.True(t, utf8.ValidString(line) && line != "" && line == strings.TrimSpace(line), line)
			if list == breached {
				require.Equal(t, fold(line), line)
			}
			if utf8.RuneCountInString(line) >= 8 {
				long++
			}
		}
	}
	require.Greater(t, long, 10_000)
}

func BenchmarkIs(b *testing.B) {
	for b.Loop() {
		Is("bato kiru mesa lova")
	}
}
