package check

import (
	"slices"
	"strings"
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/vault"
)

// waysBack says which ways back in can exist here, and why the others cannot: it is
// better found out now than by a person who has lost everything.
func (k *checker) waysBack(r admin.Relays) {
	const part = "recovery"
	offered := k.c.Recovery.Offered()
	if offered == nil {
		offered = vault.PathKinds()
	}
	missing := k.missingWays(offered, r)
	var can []string
	for _, kind := range offered {
		if !slices.Contains(missing, kind) {
			can = append(can, kind.String())
		}
	}
	if len(can) == 0 {
		k.warn(part, "Look at --recovery-offer, and at the findings about relays.", "No way back in can be chosen here: who loses password and card loses the papers.")
		return
	}
	w := k.c.Recovery.Waits()
	k.good(part, "Ways back in that people can choose: %s. Answers by call wait %d hours, the way with nothing %d days, for private papers %d.",
		strings.Join(can, ", "), int(w.AnswersDesk/time.Hour), days(w.Helpers), days(w.HelpersPrivate))
	k.sheets(can)
}

// sheets says what is missing on recovery sheets.
func (k *checker) sheets(can []string) {
	if k.c.Serve.Address == "" && (slices.Contains(can, vault.PathSheetRelay.String()) || slices.Contains(can, vault.PathSheetDesk.String())) {
		k.warn("recovery", "Name it with --address.", "Recovery sheets cannot say at which address people come back: they are asked to write it there by hand.")
	}
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// missingWays are those that are offered and cannot exist. It says what would help.
func (k *checker) missingWays(offered []vault.PathKind, r admin.Relays) (missing []vault.PathKind) {
	const part = "recovery"
	miss := func(kind vault.PathKind) bool {
		if !slices.Contains(offered, kind) || slices.Contains(missing, kind) {
			return false
		}
		missing = append(missing, kind)
		return true
	}
	if r.InForce == r.Desks {
		relay, answers, helpers := miss(vault.PathSheetRelay), miss(vault.PathAnswersRelay), miss(vault.PathHelpers)
		if relay || answers || helpers {
			k.warn(part, "Found a relay: refserver admin invite.", "There is no relay but desks: nobody helps on site.")
		}
	}
	if r.Desks == 0 {
		sheet, answers, helpers := miss(vault.PathSheetDesk), miss(vault.PathAnswersDesk), miss(vault.PathHelpers)
		if sheet || answers || helpers {
			k.warn(part, "Let an organisation that answers the phone found a relay of the type desk; or leave these ways out with --recovery-offer.",
				"There is no desk: sheet-desk, answers-desk and helpers cannot be chosen.")
		}
	}
	if !r.TwoParties && miss(vault.PathHelpers) {
		k.warn(part, "Let a desk of another organisation in; or leave this way out with --recovery-offer.",
			"Relays and desk are of one organisation: helpers, which takes nothing of the person's, cannot be chosen.")
	}
	if !k.c.WitnessIndependent && miss(vault.PathAnswersDesk) {
		if k.c.Witness == "" {
			k.warn(part, "Let another organisation run the witness: --witness and --witness-independent. Or leave this way out with --recovery-offer.",
				"The witness lies on this machine: answers-desk cannot be chosen, since whoever runs this server and a desk could guess answers together.")
		} else {
			k.warn(part, "If it is of another organisation, say so: --witness-independent. Or leave this way out with --recovery-offer.",
				"Nobody has said that the witness is of another organisation: answers-desk cannot be chosen.")
		}
	}
	if !k.c.WitnessIndependent && slices.Contains(offered, vault.PathAnswersRelay) && !slices.Contains(missing, vault.PathAnswersRelay) {
		k.warn(part, "Let another organisation run the witness; or leave this way out with --recovery-offer.",
			"By answers-relay, whoever runs this server and its witness could guess answers together with a relay that follows. People are told.")
	}
	return missing
}
