package recovery

// Strength is how hard answers are to guess, after all that is forgiven: capitals,
// accents, spaces, punctuation, spellings of Arabic letters, digits of other scripts.
type Strength struct {
	Bits   float64
	Enough bool
}

// AnswersStrength estimates answers, or says it exactly of pictures.
func AnswersStrength(a NewAnswers) Strength { panic("being built") }

// SuggestedQuestions are questions in plain words whose answers strangers do not find
// out, in a language.
func SuggestedQuestions(language string) []string { panic("being built") }

// Picture is one of those of which a sequence may serve as an answer.
type Picture struct{ Name, Glyph string }

// Pictures are all of them.
func Pictures() []Picture { panic("being built") }
