package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Reminded is what a person agreed to and chose.
type Reminded struct {
	Offered  []string   `json:"offered" nullable:"false" doc:"How this service can reach people: sms, email, relay (a list there). Empty: it reminds nobody."`
	Since    *time.Time `json:"since,omitempty" doc:"Since when reminders are sent; missing: none are."`
	Channel  string     `json:"channel,omitempty" doc:"sms, email or relay."`
	Address  string     `json:"address,omitempty" doc:"Where to."`
	Language string     `json:"language,omitempty" doc:"Of the messages (BCP 47)."`
	Zone     string     `json:"zone,omitempty" doc:"IANA name of the time zone: nothing is sent there before 8 or after 20 o'clock."`
	Asked    *time.Time `json:"asked,omitempty" doc:"A code was sent, which is good until then."`
	AskedTo  string     `json:"askedTo,omitempty" doc:"Where the code was sent to."`
	Items    []Reminder `json:"items" nullable:"false" doc:"Of what, the soonest first; at most 24."`
}

// Reminder is what was chosen for one item.
type Reminder struct {
	Item  string     `json:"item" doc:"Id of an appointment, or of a document with a day on which it ends."`
	Leads []int      `json:"leads" nullable:"false" doc:"How many minutes before, the longest first."`
	Next  *time.Time `json:"next,omitempty" doc:"When the next is sent; missing: none comes any more."`
}

type remindedOutput struct{ Body Reminded }

func (a *API) readReminders(ctx context.Context, v *vault.Vault, _ *struct{}) (*remindedOutput, error) {
	r, err := v.Reminders(ctx)
	if err != nil {
		return nil, err
	}
	out := &remindedOutput{Body: Reminded{
		Offered: []string{}, Since: ifAny(r.Since), Channel: string(r.Channel), Address: r.Address, Language: r.Language, Zone: r.Zone,
		Asked: ifAny(r.Asked), AskedTo: r.AskedTo, Items: []Reminder{},
	}}
	for _, c := range a.vaults.RemindsBy() {
		out.Body.Offered = append(out.Body.Offered, string(c))
	}
	for _, one := range r.Items {
		item := Reminder{Item: one.Item.ID.String(), Leads: []int{}, Next: ifAny(one.Next)}
		for _, lead := range one.Leads {
			item.Leads = append(item.Leads, int(lead/time.Minute))
		}
		out.Body.Items = append(out.Body.Items, item)
	}
	return out, nil
}

type askRemindersInput struct {
	Body struct {
		Agreement
		Channel  string `json:"channel" enum:"sms,email,relay" doc:"One that is offered."`
		Address  string `json:"address" minLength:"3" maxLength:"254" doc:"A phone number with its country, like \"+33 6 12 34 56 78\"; an e-mail address; or the id of a relay that follows the person, a slash, and the name by which they want to be called there."`
		Language string `json:"language" minLength:"2" maxLength:"35" doc:"Of the messages (BCP 47)."`
		Zone     string `json:"zone" minLength:"1" maxLength:"64" doc:"IANA name of the time zone, like \"Europe/Paris\"."`
	}
}

func askReminders(ctx context.Context, v *vault.Vault, in *askRemindersInput) (*struct{}, error) {
	if !in.Body.Agreed {
		return nil, invalid("body.agreed", "must be true: nobody is reminded who did not say yes")
	}
	return nil, v.AskReminders(ctx, vault.ReminderChoice{
		Channel: vault.Channel(in.Body.Channel), Address: in.Body.Address, Language: in.Body.Language, Zone: in.Body.Zone, Notice: in.Body.Notice.vault(),
	})
}

type confirmRemindersInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"40" doc:"That was sent."`
	}
}

func confirmReminders(ctx context.Context, v *vault.Vault, in *confirmRemindersInput) (*receiptOutput, error) {
	return inForce(v.ConfirmReminders(ctx, in.Body.Code))
}

func stopReminders(ctx context.Context, v *vault.Vault, _ *struct{}) (*receiptOutput, error) {
	return inForce(v.StopReminders(ctx))
}

// inForce is receipt for what is in force even when the witness did not hear of it.
func inForce(r vault.Receipt, err error) (*receiptOutput, error) {
	_, err = done(err)
	return receipt(r, err)
}

type remindInput struct {
	OneItem
	Body struct {
		Leads []int `json:"leads" nullable:"false" minItems:"0" maxItems:"3" doc:"How many minutes before, from 60 to 129600; none: not at all."`
	}
}

type remindOutput struct {
	Body struct {
		Next *time.Time `json:"next,omitempty" doc:"When the next is sent; missing: it is too late for all of them, or there are none."`
	}
}

func remind(ctx context.Context, v *vault.Vault, in *remindInput) (*remindOutput, error) {
	id, err := vault.ParseItemID(in.ID)
	if err != nil {
		return nil, vault.ErrNotFound
	}
	var leads []time.Duration
	for _, minutes := range in.Body.Leads {
		if minutes < 0 || time.Duration(minutes) > vault.MostLead/time.Minute { // more would pass the end of a Duration
			return nil, invalid("body.leads", "are from 60 to 129600 minutes")
		}
		leads = append(leads, time.Duration(minutes)*time.Minute)
	}
	next, err := v.Remind(ctx, id, leads...)
	if err != nil {
		return nil, err
	}
	out := &remindOutput{}
	out.Body.Next = ifAny(next)
	return out, nil
}

// Told is a line of a relay's list.
type Told struct {
	ID   string    `json:"id" doc:"Of this line alone."`
	Name string    `json:"name" doc:"As the person gave it for this list; it need not be theirs."`
	Kind string    `json:"kind" enum:"code,appointment,paper" doc:"code: they are waiting for it, to say that they are reached here. appointment: they have one. paper: one is valid until that day."`
	Code string    `json:"code,omitempty" doc:"Of the kind code."`
	At   time.Time `json:"at" doc:"Of what they are told; of a code: since when it stands here."`
	Zone string    `json:"zone,omitempty" doc:"IANA name of the zone in which it is said."`
	Day  bool      `json:"day,omitempty" doc:"true: at is a day, otherwise an hour."`
}

type toldOutput struct {
	Body struct {
		Told []Told `json:"told" nullable:"false" doc:"From the beginning of today on, by the hour."`
		Next
	}
}

func listTold(ctx context.Context, p *consent.Post, in *pageAtRelay) (*toldOutput, error) {
	all, err := p.Told(ctx)
	if err != nil {
		return nil, err
	}
	out := &toldOutput{}
	all, out.Body.Next = page(in.Paged, all, func(t consent.Told) string { return oldestFirst(t.At, t.Line.String()) })
	out.Body.Told = make([]Told, 0, len(all))
	for _, t := range all {
		out.Body.Told = append(out.Body.Told, Told{ID: t.Line.String(), Name: t.Name, Kind: string(t.Kind), Code: t.Code, At: t.At, Zone: t.At.Location().String(), Day: t.Day})
	}
	return out, nil
}

func (a *API) addTold() {
	registerPost(a, operation{
		method: http.MethodGet, path: "/staff/relays/{relay}/told", id: "list-told", tag: "Staff", summary: "What people asked this relay to tell them",
		description: "Print it and call the names: who has no phone hears so that they have an appointment, and when. It has no place and no reason, and does not say whose space it is about.",
		problems:    []string{"not-allowed"},
	}, listTold)
}

func (a *API) addReminders() {
	body := []string{"invalid", "media-type", "too-large", "closing"}
	registerPerson(a, operation{
		method: http.MethodGet, path: "/reminders", id: "read-reminders", tag: "Reminders", summary: "Read what reminders are sent, and where to",
		description: "Of appointments, and of papers that end. A message has no place, no name and no reason. It is a line in the journal.",
	}, a.readReminders)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/reminders/code", id: "ask-reminders", tag: "Reminders", status: http.StatusNoContent, summary: "Send a code to the person's phone or address",
		description: "The first of two steps: nobody is sent anything who did not ask for it. Show a notice first that lists what the service will know while nobody is signed in: channel, address, language and zone, and of each reminder when it is to be sent, whether it is of an appointment or of a paper, and its hour or day. At most three codes a day; what is in force stays until the code comes back.",
		problems:    append([]string{"not-sent"}, body...),
	}, askReminders)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/reminders", id: "begin-reminders", tag: "Reminders", summary: "Begin with the code that came",
		description: "The second step. What was in force before ends with its reminders. The receipt proves the consent.",
		problems:    append([]string{"witness-away"}, body...),
	}, confirmReminders)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/reminders", id: "end-reminders", tag: "Reminders", summary: "End all reminders",
		description: "Address, language and every reminder are gone at once. It can be repeated, also where there are none.",
		problems:    []string{"witness-away"},
	}, stopReminders)
	registerPerson(a, operation{
		method: http.MethodPut, path: "/reminders/items/{item}", id: "remind", tag: "Reminders", summary: "Choose when to be reminded of one item",
		description: "It follows the item: when its date moves the reminder moves with it. They are sent at full hours by day, earlier rather than later.",
		problems:    append([]string{"not-found", "too-many"}, body...),
	}, remind)
}
