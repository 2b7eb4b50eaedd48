package pages

import (
	"strings"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/admin"
)

// increaseView is one request for more space. Who asks, nobody learns here.
type increaseView struct {
	admin.Increase
	Form   *form
	Fields []field
}

// waiting are the requests that wait, fit to be shown: a reason is written by a stranger.
func (v *visit) waiting() ([]admin.Increase, error) {
	var all []admin.Increase
	err := v.call("Operator.Increases", admin.None{}, &all)
	for n := range all {
		all[n].Reason = safename.Line(all[n].Reason)
	}
	return all, err
}

func (v *visit) increases() error {
	all, err := v.waiting()
	if err != nil {
		return err
	}
	return v.show("increases", all)
}

func (v *visit) increaseForm() error { return v.showIncrease(newForm()) }

// showIncrease shows one request that still waits, or that it does not.
func (v *visit) showIncrease(f *form) error {
	all, err := v.waiting()
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.ID == v.r.PathValue("id") {
			fields := []field{
				{Name: "by", Type: "text", Label: v.t("operator.by"), Hint: v.t("operator.by-hint"), Required: true, Value: f.Get("by"), Wrong: f.Wrong["by"]},
				{Name: "why", Label: v.t("operator.why"), Required: true, Rows: 3, Value: f.Get("why"), Wrong: f.Wrong["why"]},
			}
			return v.showWith(f.status(), "increase", increaseView{i, f, fields})
		}
	}
	return v.goTo("/increases", "decided-already")
}

// decide grants or refuses a request, as the command does. The person reads who and why.
func (v *visit) decide() error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	approve := f.Get("answer") == "grant"
	if !approve && f.Get("answer") != "refuse" {
		f.refuse("answer", v.t("operator.choose-answer"))
	}
	v.required(f, "by", "why")
	if f.wrong() {
		return v.showIncrease(f)
	}
	d := admin.Decision{ID: v.r.PathValue("id"), Approve: approve, By: f.Get("by"), Why: strings.ReplaceAll(f.Get("why"), "\r\n", "\n")}
	if err := v.call("Operator.Decide", d, &admin.None{}); err != nil {
		f.Problem = v.tell(err)
		return v.showIncrease(f)
	}
	if approve {
		return v.goTo("/increases", "increase-granted")
	}
	return v.goTo("/increases", "increase-refused")
}
