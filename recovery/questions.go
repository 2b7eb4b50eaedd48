package recovery

import (
	"slices"
	"strings"
)

// SuggestedQuestions are questions in plain words whose answers strangers do not find
// out, in a language; nil if there are none in it. None asks for what stands in papers
// that a relay sees or a form asks for (a birth date, a maiden name, a street, a school),
// nor for what is seen from outside. They are an offer: people may ask themselves what
// they like.
func SuggestedQuestions(language string) []string {
	language, _, _ = strings.Cut(language, "-")
	return slices.Clone(suggested()[language])
}

func suggested() map[string][]string {
	return map[string][]string{
		"fr": {
			"Comment appelait-on votre premier animal, ou celui d’un voisin ?",
			"Quel surnom vous donnait-on quand vous étiez petit ?",
			"Comment s’appelait votre meilleur ami quand vous aviez dix ans ?",
			"Quel plat de votre enfance aimeriez-vous manger encore une fois ?",
			"Quelle chanson vous chantait-on pour dormir ?",
			"De quoi aviez-vous peur quand vous étiez petit ?",
			"Quel objet perdu regrettez-vous le plus ?",
			"Où vous cachiez-vous quand vous étiez enfant ?",
			"Qui vous a appris quelque chose que vous n’avez jamais oublié ?",
			"Quel métier vouliez-vous faire quand vous étiez enfant ?",
		},
		"en": {
			"What was your first animal called, or a neighbour’s?",
			"What nickname did you have when you were small?",
			"What was your best friend called when you were ten?",
			"Which dish of your childhood would you like to eat once more?",
			"Which song was sung to you at bedtime?",
			"What were you afraid of when you were small?",
			"Which thing that you lost do you miss most?",
			"Where did you hide when you were a child?",
			"Who taught you something that you never forgot?",
			"What did you want to become when you were a child?",
		},
		"ar": {
			"ما اسم أول حيوان كان عندك أو عند جيرانك؟",
			"بأي لقب كانوا ينادونك وأنت صغير؟",
			"ما اسم أعز أصدقائك عندما كان عمرك عشر سنوات؟",
			"أي طبق من طفولتك تود أن تأكله مرة أخرى؟",
			"أي أغنية كانوا يغنونها لك قبل النوم؟",
			"مم كنت تخاف وأنت صغير؟",
			"أي شيء ضاع منك وتشتاق إليه أكثر من غيره؟",
			"أين كنت تختبئ وأنت طفل؟",
			"من علّمك شيئًا لم تنسه أبدًا؟",
			"ماذا كنت تريد أن تصبح عندما كنت طفلًا؟",
		},
	}
}
