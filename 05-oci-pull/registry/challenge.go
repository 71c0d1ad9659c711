package registry

import "strings"

// A challenge is one way to log in that an answer with status 401 offers.
type challenge struct {
	scheme string // in lower case
	params map[string]string
}

// maxChallenges is how many we look at.
const maxChallenges = 20

// challenges reads WWW-Authenticate headers (RFC 9110, section 11.6.1). Several
// challenges may be in several headers, or in one. Then only what follows a word tells
// whether it is a parameter or the next scheme. What makes no sense is skipped.
func challenges(headers []string) (all []challenge) {
	for _, header := range headers {
		p := parser{header}
		for p.skip(", \t"); p.rest != "" && len(all) < maxChallenges; p.skip(", \t") {
			word := p.token()
			if word == "" {
				p.rest = p.rest[1:]
				continue
			}
			p.skip(" \t")
			isParam := strings.HasPrefix(p.rest, "=")
			if !isParam {
				all = append(all, challenge{strings.ToLower(word), map[string]string{}})
				continue
			}
			p.rest = p.rest[1:]
			p.skip(" \t")
			value := p.value()
			if len(all) == 0 {
				continue
			}
			// The first one counts: a doubled one must not replace it.
			params := all[len(all)-1].params
			if key := strings.ToLower(word); params[key] == "" {
				params[key] = value
			}
		}
	}
	return all
}

type parser struct{ rest string }

func (p *parser) skip(chars string) { p.rest = strings.TrimLeft(p.rest, chars) }

// token reads a word, which may be a scheme, a key or a value without quotes.
func (p *parser) token() string {
	end := strings.IndexAny(p.rest, " \t,=\"")
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

// value reads a value, which may be in quotes.
func (p *parser) value() string {
	if !strings.HasPrefix(p.rest, `"`) {
		return p.token()
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	p.rest = "" // the quote was not closed
	return b.String()
}
