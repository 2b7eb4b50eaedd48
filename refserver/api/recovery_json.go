package api

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// RecoveryPath is one way back in.
type RecoveryPath struct {
	ID            string    `json:"id" doc:"Names it for as long as it exists."`
	Kind          string    `json:"kind" doc:"What it takes: sheet-relay, sheet-desk, answers-relay, answers-desk or helpers."`
	State         string    `json:"state" doc:"issued (in force; nobody has said that it was printed), confirmed (in force), due (the keys have changed since: it opens nothing, make it anew) or unusable (nobody is left who could help)."`
	Since         time.Time `json:"since" doc:"When it was made."`
	Private       bool      `json:"private" doc:"Whether private papers come back, too."`
	Wait          int64     `json:"wait" minimum:"0" doc:"Seconds before it opens anything, once somebody has asked."`
	PrivateWait   int64     `json:"privateWait,omitempty" minimum:"0" doc:"Seconds before it opens what is private."`
	Questions     []string  `json:"questions,omitempty" nullable:"false" doc:"What is asked, by answers."`
	Pictures      bool      `json:"pictures,omitempty" doc:"true: the answer is a sequence of pictures."`
	Helpers       []Relay   `json:"helpers" nullable:"false" doc:"The relays, and the desk, that can help. None of them gets in with it."`
	Organisations int       `json:"organisations" minimum:"0" doc:"Of how many organisations they are."`
}

func recoveryPathJSON(p recovery.PathReview) RecoveryPath {
	out := RecoveryPath{
		ID: p.ID.String(), Kind: p.Kind.String(), State: string(p.State), Since: p.Since, Private: p.Private,
		Wait: seconds(p.Waits[0]), PrivateWait: seconds(p.Waits[1]), Questions: p.Questions, Pictures: p.Pictures,
		Helpers: make([]Relay, 0, len(p.Helpers)), Organisations: p.Organised,
	}
	for _, r := range p.Helpers {
		out.Helpers = append(out.Helpers, relayJSON(r, ""))
	}
	return out
}

// seconds rounds up: who comes back then does not come too early.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func kindWords(kinds []vault.PathKind) []string {
	out := make([]string, 0, len(kinds))
	for _, k := range kinds {
		out = append(out, k.String())
	}
	return out
}

// RecoverySheet is printed once, without a name, and kept elsewhere than the card.
type RecoverySheet struct {
	Login string   `json:"login" doc:"By which a desk finds the space of who calls."`
	Code  string   `json:"code" doc:"24 digits. To be printed and shown nowhere else: it is kept nowhere."`
	Words []string `json:"words,omitempty" nullable:"false" doc:"The same code in words, where a language was named that has a list."`
	QR    string   `json:"qr" doc:"What the QR code of the sheet says."`
}

func recoverySheetJSON(s *recovery.Sheet, language string) *RecoverySheet {
	if s == nil {
		return nil
	}
	return &RecoverySheet{Login: s.Login, Code: s.Code, Words: s.Words(language), QR: s.QRText()}
}

// Strength is how hard answers are to guess.
type Strength struct {
	Bits   float64 `json:"bits" doc:"Of entropy, after all that is forgiven: capitals, accents, spaces, spellings."`
	Enough bool    `json:"enough" doc:"Whether they are taken."`
}

func strengthJSON(s *recovery.Strength) *Strength {
	if s == nil {
		return nil
	}
	return &Strength{Bits: s.Bits, Enough: s.Enough}
}

// PathReceipt is a recovery.Receipt as it is kept and exported.
type PathReceipt struct{ text []byte }

// MarshalJSON writes the receipt as it was made.
func (r *PathReceipt) MarshalJSON() ([]byte, error) { return json.RawMessage(r.text).MarshalJSON() }

// Schema says what the document says of it.
func (*PathReceipt) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "What the person read and agreed to about their ways back in. Keep it as it is."}
}

// RecoveryRequest is one attempt to help somebody back in.
type RecoveryRequest struct {
	ID      string     `json:"id" doc:"Names the request. It opens nothing."`
	Vault   string     `json:"vault" doc:"Whose space it is about."`
	Path    string     `json:"path" doc:"By which way."`
	Kind    string     `json:"kind,omitempty" doc:"What that way takes; missing: it is not there any more."`
	State   string     `json:"state" doc:"open, later (done, but private papers come back after wait: it can still be cancelled), done, cancelled or over."`
	By      Helper     `json:"by" doc:"Who opened it."`
	Opened  time.Time  `json:"opened" doc:"When."`
	Until   time.Time  `json:"until" doc:"Until when it can be completed."`
	Ended   *time.Time `json:"ended,omitempty" doc:"When it was completed, cancelled or overtaken; state says which. Missing: it has not ended, or a sign-in of its person ended it."`
	Missing []string   `json:"missing" nullable:"false" doc:"What it still needs: relay, desk (their halves), relay-approval, desk-approval (one more person), desk-code (the part of the code that the desk says), wait."`
	Wait    int64      `json:"wait,omitempty" minimum:"0" doc:"Seconds that are left of the wait."`
	Private bool       `json:"private" doc:"Whether private papers come back, then or later."`
	Later   bool       `json:"later,omitempty" doc:"It was completed, but for private papers, which still wait, or that was stopped: cancelled then says that they stay locked."`
}

// Helper is somebody of a relay or a desk.
type Helper struct {
	Worker       string `json:"worker" doc:"Id of their own account."`
	WorkerName   string `json:"workerName,omitempty" doc:"As their relay has it: escape it wherever it is shown."`
	Relay        string `json:"relay" doc:"Id of the relay or desk for which they acted."`
	Name         string `json:"name,omitempty" doc:"Of the relay or desk, as the directory had it then."`
	Organisation string `json:"organisation,omitempty" doc:"Of its organisation."`
}

func helperJSON(m consent.Member, name string) Helper {
	return Helper{Worker: m.Worker.String(), WorkerName: name, Relay: m.Relay.String(), Name: m.RelayName, Organisation: m.OrganisationName}
}

func recoveryRequestJSON(r recovery.Request) RecoveryRequest {
	out := RecoveryRequest{
		ID: r.ID.String(), Vault: r.Vault.String(), Path: r.Path.String(), Kind: r.Kind.String(), State: string(r.State), By: helperJSON(r.By, r.ByName),
		Opened: r.Opened, Until: r.Until, Missing: missingWords(r.Missing), Wait: seconds(r.Wait), Private: r.Private, Later: r.Later,
	}
	if !r.Ended.IsZero() {
		out.Ended = &r.Ended
	}
	return out
}

func recoveryRequestsJSON(all []recovery.Request) []RecoveryRequest {
	out := make([]RecoveryRequest, 0, len(all))
	for _, r := range all {
		out = append(out, recoveryRequestJSON(r))
	}
	return out
}

func requestKey(r recovery.Request) string { return newestFirst(r.Opened, r.ID.String()) }

func missingWords(missing []recovery.Missing) []string {
	out := make([]string, 0, len(missing))
	for _, m := range missing {
		out = append(out, string(m))
	}
	return out
}

// requestID reads the id of a request. One that nobody could have been given names none.
func requestID(s string) (recovery.RequestID, error) {
	id, err := vault.ParseItemID(s)
	if err != nil {
		return id, recovery.ErrRequest
	}
	return id, nil
}

// pathID reads the id of a way back in.
func pathID(s string) (vault.PathID, error) {
	id, err := vault.ParsePathID(s)
	if err != nil {
		return id, vault.ErrNotFound
	}
	return id, nil
}
