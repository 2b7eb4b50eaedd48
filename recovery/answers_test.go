package recovery_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
)

func answering(answers ...string) recovery.NewAnswers {
	a := recovery.NewAnswers{}
	for _, answer := range answers {
		a.Questions = append(a.Questions, recovery.Question{Text: "What was your first animal called?", Answer: answer})
	}
	return a
}

func TestGoodAnswersAreEnoughInEveryScript(t *testing.T) {
	t.Parallel()
	for _, a := range []recovery.NewAnswers{
		answering("Caramel", "le vieux moulin", "bricolage"),
		answering("سمسم الصغير", "البيت القديم", "بائع الحليب"),
		answering("ዝሓለ ማይ", "ኣደ ጸጋይ", "ገዛ ሓወቦ"),
		answering("Барсик", "вареники з вишнею", "дядько Степан"),
		answering("ګل مکۍ", "د کاکا باغ", "شينه پياله"),
	} {
		s := recovery.AnswersStrength(a)
		require.True(t, s.Enough, "%v: %v", a, s.Bits)
		require.Less(t, s.Bits, 30.0, "no estimate is beyond what three answers can be worth")
	}
}

func TestWhatCanBeGuessedIsNotEnough(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]recovery.NewAnswers{
		"nothing":                   {},
		"short":                     answering("ab", "cd", "ef"),
		"twice the same":            answering("Caramel", "caramel!", "CARÀMEL"),
		"one in the other":          answering("le vieux moulin", "vieux moulin", "moulin"),
		"letters that repeat":       answering("aaaaaaaaaaaa", "bbbbbbbbbbbb", "xxxxxxxxxxxxxx"),
		"what everybody says":       answering("Mohammed", "Paris", "BLEU", "1234", "Maman"),
		"what everybody says, ar":   answering("محمّد", "فاطمه", "أزرق"),
		"what is in the question":   answering("my first animal", "first called", "what animal"),
		"two good ones":             answering("Caramel", "le vieux moulin", "no"),
		"pictures, too few":         {Pictures: []string{"sun", "fish", "key"}},
		"pictures, side by side":    {Pictures: []string{"sun", "moon", "star", "cloud", "rain", "snow"}},
		"pictures, again and again": {Pictures: []string{"sun", "fish", "sun", "fish", "sun", "fish"}},
	} {
		require.False(t, recovery.AnswersStrength(a).Enough, "%s: %v", name, recovery.AnswersStrength(a))
	}
}

func TestStrengthNeverGrowsByWhatIsForgiven(t *testing.T) {
	t.Parallel()
	plain := recovery.AnswersStrength(answering("caramel", "vieux moulin", "bricolage"))
	require.Equal(t, plain, recovery.AnswersStrength(answering("  CÀRÂMËL!!!", "...vieux — moulin", "bri-co-la-ge \u200f")))
}

func TestPicturesAreSixBitsEach(t *testing.T) {
	t.Parallel()
	all := recovery.Pictures()
	require.Len(t, all, 64)
	seen := map[string]bool{}
	for _, p := range all {
		require.Regexp(t, `^[a-z]+$`, p.Name)
		require.NotEmpty(t, p.Glyph)
		require.False(t, seen[p.Name] || seen[p.Glyph], p.Name)
		seen[p.Name], seen[p.Glyph] = true, true
	}
	require.Equal(t, recovery.Strength{Bits: 30, Enough: true}, recovery.AnswersStrength(recovery.NewAnswers{Pictures: []string{"sun", "fish", "key", "boat", "🐘"}}))
}

// The names of pictures are what is derived from: these lines stay.
func TestPicturesKeepTheirNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, p := range recovery.Pictures() {
		names = append(names, p.Name)
	}
	require.Equal(t, strings.Fields(`sun moon star cloud rain snow fire wave tree palm cactus flower rose leaf mushroom mountain
		cat horse cow sheep camel elephant lion rabbit bird rooster duck owl fish turtle crab butterfly
		bee ant frog snail apple banana lemon grapes carrot tomato bread egg cheese teapot spoon key
		house door chair bed lamp clock book pencil scissors hammer umbrella shoe hat glasses bicycle boat`), names)
}

func TestSuggestedQuestionsAskForNothingThatStandsInPapers(t *testing.T) {
	t.Parallel()
	counts := map[int]bool{}
	for _, language := range []string{"fr", "en", "ar", "fr-CA"} {
		all := recovery.SuggestedQuestions(language)
		require.GreaterOrEqual(t, len(all), 8, language)
		counts[len(all)] = true
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(all))), len(all))
		for _, q := range all {
			require.Less(t, utf8.RuneCountInString(q), 200)
			for _, never := range []string{"born", "birth", "maiden", "street", "school", "né ", "née", "naissance", "jeune fille", "école", "rue", "ولدت", "ميلاد", "مدرسة"} {
				require.NotContains(t, strings.ToLower(q), never)
			}
		}
	}
	require.Len(t, counts, 1, "each language has all of them")
	require.Nil(t, recovery.SuggestedQuestions("xx"))
	recovery.SuggestedQuestions("fr")[0] = "changed"
	require.NotEqual(t, "changed", recovery.SuggestedQuestions("fr")[0])
}
