package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/vault"
)

// Wish is what shall be done when an operator has recorded that the person is dead.
type Wish struct {
	Want  string     `json:"want,omitempty" doc:"keep or erase; missing: the person has not said."`
	Since *time.Time `json:"since,omitempty" doc:"Since when."`
}

func wishJSON(w vault.Wish) Wish { return Wish{Want: string(w.Want), Since: ifAny(w.Since)} }

type wishOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"Of this wish, for If-Match."`
	Body   Wish
}

func readWish(ctx context.Context, v *vault.Vault, in *Unless) (*wishOutput, error) {
	w, err := v.Wish(ctx)
	if err != nil {
		return nil, err
	}
	out := &wishOutput{Body: wishJSON(w)}
	out.ETag, err = contentTag(out.Body)
	out.Status = in.status(out.ETag)
	return out, err
}

type wishInput struct {
	ThisContent
	Body struct {
		Want string `json:"want" enum:"keep,erase" doc:"What shall be done. Nobody is given a key either way."`
	}
}

func setWish(ctx context.Context, v *vault.Vault, in *wishInput) (*confirmedOutput, error) {
	return confirmed(replaceWish(ctx, v, &in.ThisContent, vault.Want(in.Body.Want)))
}

func dropWish(ctx context.Context, v *vault.Vault, in *ThisContent) (*confirmedOutput, error) {
	return confirmed(replaceWish(ctx, v, in, vault.WantNothing))
}

func replaceWish(ctx context.Context, v *vault.Vault, in *ThisContent, want vault.Want) error {
	if in.any() {
		return v.SetWish(ctx, want)
	}
	seen, err := v.Wish(ctx)
	if err != nil {
		return err
	}
	if err := in.saw(wishJSON(seen)); err != nil {
		return err
	}
	return v.ReplaceWish(ctx, seen, want)
}

// Representative is who represents a minor, as it was recorded.
type Representative struct {
	Name       string     `json:"name" minLength:"1" maxLength:"200" doc:"Of the representative."`
	Relation   string     `json:"relation" minLength:"1" maxLength:"200" doc:"\"mother\", \"guardian\", \"the département\", …"`
	RecordedBy string     `json:"recordedBy" minLength:"1" maxLength:"200" doc:"Who recorded it, and on what ground."`
	Until      string     `json:"until" format:"date" doc:"The day on which the person is of age."`
	Recorded   *time.Time `json:"recorded,omitempty" readOnly:"true" doc:"When it was recorded."`
	Past       bool       `json:"past,omitempty" readOnly:"true" doc:"The day has come: it ended by itself."`
}

type representativesOutput struct {
	Body struct {
		Representatives []Representative `json:"representatives" nullable:"false" doc:"Past ones too, in the order in which they were recorded."`
	}
}

func listRepresentatives(ctx context.Context, v *vault.Vault, _ *struct{}) (*representativesOutput, error) {
	all, err := v.Representatives(ctx)
	if err != nil {
		return nil, err
	}
	out := &representativesOutput{}
	out.Body.Representatives = make([]Representative, 0, len(all))
	for _, r := range all {
		out.Body.Representatives = append(out.Body.Representatives, Representative{
			Name: r.Name, Relation: r.Relation, RecordedBy: r.RecordedBy, Until: string(r.Until), Recorded: ifAny(r.Recorded), Past: r.Past,
		})
	}
	return out, nil
}

type representativeInput struct{ Body Representative }

func setRepresentative(ctx context.Context, v *vault.Vault, in *representativeInput) (*struct{}, error) {
	return nil, v.SetRepresentative(ctx, vault.Representative{
		Name: in.Body.Name, Relation: in.Body.Relation, RecordedBy: in.Body.RecordedBy, Until: vault.Date(in.Body.Until),
	})
}

// removeInput names by a body, as names have no place in addresses.
type removeInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"200" doc:"As it was recorded."`
	}
}

func removeRepresentative(ctx context.Context, v *vault.Vault, in *removeInput) (*struct{}, error) {
	return nil, v.RemoveRepresentative(ctx, in.Body.Name)
}

// DeathRecord is what an operator recorded about a person who has signed in since.
type DeathRecord struct {
	By           string     `json:"by" doc:"Who recorded it."`
	Organisation string     `json:"organisation" doc:"For whom."`
	Evidence     string     `json:"evidence" doc:"What was shown."`
	At           time.Time  `json:"at" doc:"When it was said to have happened, or became known."`
	Recorded     time.Time  `json:"recorded" doc:"When it was recorded."`
	Wish         string     `json:"wish,omitempty" doc:"What the person wanted then: keep or erase; missing: they had not said."`
	Ended        *time.Time `json:"ended,omitempty" doc:"Since when it is void: the person signed in, or it was withdrawn."`
	EndedBy      string     `json:"endedBy,omitempty" doc:"Who withdrew it; missing: the person signed in."`
}

type deathRecordOutput struct{ Body DeathRecord }

func deathRecord(ctx context.Context, v *vault.Vault, _ *struct{}) (*deathRecordOutput, error) {
	d, err := v.DeathRecord(ctx)
	if err != nil {
		return nil, err
	}
	return &deathRecordOutput{Body: DeathRecord{
		By: d.By, Organisation: d.Organisation, Evidence: d.Evidence, At: d.At, Recorded: d.Recorded, Wish: string(d.Wish),
		Ended: ifAny(d.Ended), EndedBy: d.EndedBy,
	}}, nil
}

func dismissDeath(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.DismissDeathRecord(ctx)
}

func (a *API) addWishes() {
	body := []string{"invalid", "media-type", "too-large", "closing"}
	registerPerson(a, operation{
		method: http.MethodGet, path: "/wish", id: "read-wish", tagged: true, tag: "Account", summary: "Read the wish for afterwards",
		description: "What shall be done when an operator has recorded that the person is dead or cannot decide any more.",
	}, readWish)
	registerPerson(a, operation{
		method: http.MethodPut, path: "/wish", id: "set-wish", ifMatch: true, tag: "Account", summary: "Say what shall be done afterwards",
		description: "Nobody inherits a key. It holds until another one." + lateSecret,
		problems:    append([]string{"witness-away", "unconfirmed", "secret-again"}, body...),
	}, lately(setWish))
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/wish", id: "drop-wish", ifMatch: true, tag: "Account", summary: "Take the wish back",
		description: "As if nothing had been said." + lateSecret, problems: []string{"unconfirmed", "witness-away", "secret-again"},
	}, lately(dropWish))
	registerPerson(a, operation{
		method: http.MethodGet, path: "/death-record", id: "read-death-record", tag: "Account", summary: "Read what was recorded of the person's death",
		description: "It is void since the person has signed in: nothing is carried out.", problems: []string{"not-found"},
	}, deathRecord)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/death-record/dismiss", id: "dismiss-death-record", tag: "Account", status: http.StatusNoContent, summary: "Say that it is not true",
		description: "The overview shows it no more; the journal does. If there is none, nothing is done.",
	}, dismissDeath)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/representatives", id: "list-representatives", tag: "Account", summary: "List who represents a minor",
		description: "It gives no key and no access, and ends by itself.",
	}, listRepresentatives)
	registerPerson(a, operation{
		method: http.MethodPut, path: "/representatives", id: "set-representative", tag: "Account", status: http.StatusNoContent, summary: "Record who represents the person",
		description: "In the place of what was recorded under the same name.",
		problems:    append([]string{"too-many"}, body...),
	}, setRepresentative)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/representatives/remove", id: "remove-representative", tag: "Account", status: http.StatusNoContent, summary: "Take a representative back",
		description: "By the name under which they were recorded.",
		problems:    append([]string{"not-found"}, body...),
	}, removeRepresentative)
}
