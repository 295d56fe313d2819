"""What the words of a server's error mean, whichever server wrote them: a table of kinds with their usual words."""

import re
from typing import Literal

Meaning = Literal[
    "account_ended", "quota", "key_refused", "filtered", "too_large", "too_long", "unparsed", "limited", "elsewhere",
    "passing",
]  # fmt: skip
"""What is wrong:

- account_ended: there is no credit left, or the account is closed.
- quota: a quota is used up; of the account, or within a window of time.
- key_refused: the key is none, or not one for this.
- filtered: a filter or policy refuses the content.
- too_large: one request asks for more than a whole window of a rate limit gives.
- too_long: the prompt, with or without the answer's room, is longer than the model's context.
- unparsed: what the model wrote cannot be read by its own server; another draw may be.
- limited: too many requests or tokens for now.
- elsewhere: there is no such path or model.
- passing: the server is busy, restarting or broken for now.
"""

_TABLE: dict[Meaning, str] = {
    "account_ended": r"""
        insufficient[_ ](quota|balance|credit|fund) | exceeded_current_quota | billing_(hard_limit|not_active)
      | arrear | overdue | in\ good\ standing | payment\ (required|method) | unpaid | to\ pay\b
      | not_?\ ?enough_?\ ?balance
      | (balance|credits?)\b[^.]{0,20}\b(too\ low|not\ enough|insufficient|exhausted|depleted|used\ up|run\ out|expired)
      | (out\ of|no|any|all\ available|enough|more|purchase|buy)\ (\w+\ ){0,2}credits?\b(?!\ (were|was|are)\b)
      | (credit|spend|spending|budget|billing)_?(\ hard)?\ ?_?limit\b[^.]{0,20}\b(exceeded|reached)
      | (reached|reaching|exceeded|over|above)\ [^.]{0,20}\b(spend|spending|budget|billing|credit)\ limit
      | budget\ has\ been\ exceeded | budget_exceeded | (exceeded|over)\ (your|the|its)?\ ?budget
      | (exceeded|used)\ [^.]{0,30}\bcredits\b | billing\ (to\ be\ |must\ be\ |is\ not\ )(enabled|set\ up)
      | (free|trial)\W?(tier|plan|period|quota|credits?)\b[^.]{0,30}\b(ended|expired|exhausted|is\ over|used\ up)
      | (account|organi[sz]ation|team|project|workspace|subscription)\b[^.]{0,90}\b
        (suspended|deactivated|disabled|inactive|closed|terminated|not\ active|expired)
      | user\b[^.]{0,40}\b(suspended|deactivated|disabled|banned|not\ active)
      | \brecharge\b | top\ ?-?up\b
      | 余额不足 | 欠费 | 充值 | 资源包""",
    "quota": r"""
        exceeded\ your\ current\ quota | quota[^.]{0,20}\b(exceeded|reached|exhausted|used\ up)
      | exceed\w*\b[^.]{0,30}\bquota""",
    "key_refused": r"""
        (invalid|incorrect|wrong|bad|unknown|expired|revoked|missing|malformed|provided?|no)
        \W+(\w+\W+){0,3}?(api[ _-]?key|(access|api|auth\w*|bearer|server|proxy|virtual)\ token|credentials?
        |subscription\ key|authentication)\b
      | (api[ _-]?key|(access|api|auth\w*|bearer|server)\ token|credentials?)\W+(\w+\W+){0,3}?
        (invalid|not\ valid|expired|incorrect|revoked|not\ found|missing|disabled|required)\b
      | \bunauthori[sz]ed\b | not\ authori[sz]ed | \bunauthenticated\b | authentication\ (fail|error)
      | authentication_?error | api_?key_?invalid | invalid_?api_?key | login\ fail | not\ logged\ in | api\ secret\ key
      | 身份验证 | 鉴权 | 密钥 | 未授权 | 令牌""",
    "filtered": r"""
        content_?(filter|policy|moderation) | content\ management\ policy | responsible_?ai | invalid_prompt
      | data_?inspection | prohibited_content | sensitive_?content | censor | guardrail | moderation
      | safety[_ ]?(system|check|filter|setting|violation) | (?-i:SAFETY|RECITATION|BLOCKLIST|SPII)\b
      | usage\ (policy|policies|guideline) | (new|input|output|prompt)_?\ ?sensitive | \bhigh\ risk\b
      | (violat\w+|against|breach\w*)\b[^.]{0,50}\b(polic|guideline|terms)
      | (content|prompt|inputs?|output|response|completion|message|text|request|data)s?\b[^.]{0,60}\b
        (filtered|moderated|flagged|blocked|inappropriate|sensitive|prohibited|unsafe|harmful|offensive|violat\w+
        |exists?\ risk|risky)
      | (inappropriate|prohibited|harmful|unsafe|sensitive|objectionable)\ (content|prompt|input|material|text|words?)
      | 敏感 | 不安全 | 违规 | 违反 | 审核""",
    "too_large": r"""
        request\ too\ large\b[^.]{0,120}\bper\ (min|day|hour|sec) | larger\ than\ [^.]{0,60}\bper\ (min|day)""",
    "too_long": r"""
        context_?_?(length|size|window)_?exceed | exceed_?context | request_?too_?large | prompt_tokens_too_long
      | context\ (length|size|window|limit) | max_(seq|model|input|position)_?\w* | session_len
      | (maximum|max)\W+(\w+\W+){0,3}?(context|prompt|sequence|input|model|position)\W+(length|size|tokens?|embedding)
      | request\b[^.]{0,60}?\b(too\ (long|large|big)|exceed\w*\b[^.]{0,60}\b(token|length|context|size|window))
      | (prompt|inputs?|context|messages?|conversation|sequence|text|history)['`]?\b[^.]{0,60}?\b
        (too\ (long|large|big|many\ tokens)|(longer|larger|greater)\ than|must\ (be|have)\ (less|lower|fewer|smaller)
        |cannot\ exceed|overflow\w*
        |exceed\w*\b[^.]{0,60}\b(token|length|context|limit|size|window|maximum))
      | (inputs?|prompt)['`]?\ (tokens\ |length\ )?\+
      | tokens?\ limit\ (was\ |is\ )?exceeded | \bn_ctx\b | string\ too\ long
      | too\ many\ (\w+\ )?tokens | exceed\w*\b[^.]{0,40}\b(token\ limit|number\ of\ tokens|message\ tokens)
      | (tokens|token\ count)\b[^.]{0,60}\b(longer|larger|greater|more)\ than\b[^.]{0,40}\b
        (context|model|maximum|length)
      | (reduce|shorten)\ [^.]{0,40}\b(prompt|messages?|input|context|conversation)\b
      | range\ of\ input\ length | input\ length\ should | shorter\ (input|prompt) | maximum\ size
      | 过长 | 超长 | 上下文长度 | 输入长度""",
    "unparsed": r"""
        tool_use_failed | output_parse_failed | failed_generation | called\ a\ tool | harmony
      | (pars(e|ing)|read|decod(e|ing))\b[^.]{0,40}\b(tool\ calls?|output|response|generation|model)
      | tool\ calls?\b[^.]{0,40}\b(parse|parsing|invalid|failed|malformed|not\ valid)
      | unexpected\ tokens?\ remaining | (generated|model)\ (output|text|response)\b[^.]{0,60}\b
        (invalid|malformed|parse)
      | failed\ to\ (parse|generate|finish)""",
    "limited": r"""
        rate[ _-]?limit | too\ many\ (requests|concurrent) | throttl | resource_?\ ?(has\ been\ )?exhausted
      | (request|concurrency|call|token)s?\ (rate\ )?limit\b[^.]{0,20}\b(exceeded|reached)
      | (exceeded|reached)\b[^.]{0,40}\b(request|concurrency|call|token)s?\ (rate\ )?limit
      | request_limit | limit_(requests|burst|tokens) | capacity[ _]exceeded | max\ RPM | 速率 | 频率 | 限流 | 并发""",
    "elsewhere": r"""
        not[ _]?found\b | unexpected\ endpoint | no\ route\b | method\ not\ allowed | does\ not\ exist
      | (invalid|unknown|unrecognized|wrong)\ (request\ )?(url|path|endpoint|route|model)
      | no\ such\ (url|path|endpoint|route|model|deployment) | no\ models?\ (is\ |are\ )?loaded
      | unavailable[_ ]model | cannot\ (post|get)\ /""",
    "passing": r"""
        (try|retry)\ (again\ )?(later|shortly|soon|in|after)\b | temporar | overloaded | \bbusy\b | timed?[ -]?out
      | (currently|service|server|is)_?\ ?unavailable | unavailable_error | internal\ (server\ )?error | upstream
      | crashed | (still|currently)?\ ?loading\b | out\ of\ memory | at\ capacity | being\ (loaded|restarted)
      | 稍后 | 网络错误 | 繁忙""",
}
_WORDS = {meaning: re.compile(pattern, re.IGNORECASE | re.VERBOSE) for meaning, pattern in _TABLE.items()}

_WINDOW = re.compile(
    r"(per|a|an|/) ?(second|minute|min|hour|sec)\b|\b[RT]P[SM]\b|per(second|minute|hour)"
    r"|(retry|try again) (in|after) \d|resource_?exhausted|throttl",
    re.IGNORECASE,
)
_DAYS = re.compile(
    r"\b(per|a|/) ?(day|week|month)\b|/ ?(day|month)\b|\b(daily|weekly|monthly)\b|(per|by)_?day|\b[RT]PD\b", re.I
)


def meant(words: str, meaning: Meaning) -> bool:
    """True where an error's words say this."""
    return _WORDS[meaning].search(words) is not None


def in_a_window(words: str) -> bool:
    """True where words on a limit say that it is one of some seconds to some hours."""
    return _WINDOW.search(words) is not None


def for_days(words: str) -> bool:
    """True where words on a limit say that it is one of days or longer."""
    return _DAYS.search(words) is not None
