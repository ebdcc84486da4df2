package main

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

const maxChanges = 64

var (
	matterForm = regexp.MustCompile(`^[0-9]{12}$`)
	actForm    = regexp.MustCompile(`^(add|change|remove)$`)
	modeForm   = regexp.MustCompile(`^(全程网办|异地代收代办|多地联办|授权办理)$`)
	dayForm    = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	nameForm   = regexp.MustCompile(`^[^\x{0}-\x{20}\x{7f}-\x{a0}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{2060}-\x{206f}\x{feff}]{1,100}$`)
)

// decision is what holds for a matter from a day on; since is empty from the beginning, mode and name at a removal.
type decision struct {
	code, since, mode, name string
	listed                  bool
}

func (d decision) line() string {
	or := func(text string) string {
		if text == "" {
			return "-"
		}
		return text
	}
	return fmt.Sprintf("matter %s %s %s %s", d.code, or(d.since), or(d.mode), or(d.name))
}

type matterChange struct {
	act string
	decision
}

type listChange struct {
	begin   []string
	changes []matterChange
}

func parseList(value any) *listChange {
	p := closed(value, "bad_payload", nil, "begin", "changes")
	need(len(p.names) > 0, "bad_payload")
	list := &listChange{}
	if p.has("begin") {
		for _, value := range p.list("begin", maxList, "bad_payload") {
			code, ok := value.(string)
			need(ok && matterForm.MatchString(code), "bad_payload")
			list.begin = append(list.begin, code)
		}
		need(len(list.begin) > 0 && ascending(list.begin), "bad_payload")
	}
	if p.has("changes") {
		var codes []string
		for _, value := range p.list("changes", maxChanges, "bad_payload") {
			change := parseMatterChange(value)
			list.changes, codes = append(list.changes, change), append(codes, change.code)
		}
		need(len(codes) > 0 && ascending(codes), "bad_payload")
	}
	return list
}

func parseMatterChange(value any) matterChange {
	members := []string{"act", "code", "from", "mode", "name"}
	if row, ok := value.(*object); ok && row.has("act") && row.values["act"] == "remove" {
		members = members[:3]
	}
	p := closed(value, "bad_payload", members)
	change := matterChange{act: p.text("act", actForm, "bad_payload")}
	change.code = p.text("code", matterForm, "bad_payload")
	change.since = p.text("from", dayForm, "bad_payload")
	day, err := time.Parse(time.DateOnly, change.since)
	need(err == nil && day.Year() > 0, "bad_payload")
	change.listed = change.act != "remove"
	if change.listed {
		change.mode = p.text("mode", modeForm, "bad_payload")
		change.name = p.text("name", nameForm, "bad_payload")
	}
	return change
}

// changeList takes the changes of an entry that the log may have taken as late as latest, POSIX seconds.
func (s *keyState) changeList(list *listChange, latest int64) {
	need(len(list.begin) == 0 || len(s.matters) == 0, "wrong_target")
	need(len(list.begin) > 0 || len(s.matters) > 0, "not_listed")
	for _, code := range list.begin {
		s.matters = append(s.matters, decision{code: code, listed: true})
	}
	earliest := time.Unix(min(latest, 253402214400), 0).UTC().Add(8 * time.Hour).Format(time.DateOnly)
	for _, change := range list.changes {
		newest := decision{}
		for _, known := range s.matters { // the newest decision about a matter was taken last
			if known.code == change.code {
				newest = known
			}
		}
		need(!newest.listed || change.act != "add", "already_listed")
		need(newest.listed || change.act == "add", "not_listed")
		need(change.since >= earliest, "past_day")
		need(newest.since == "" || change.since > newest.since, "wrong_target")
		s.matters = append(s.matters, change.decision)
	}
	s.matters = slices.Clip(s.matters)
}
