"""The faults that a proxy makes: a name ▶ what is answered in place of the upstream's answer.

Each is a function of an Exchange, whose `reply()` is the answer without the fault, and its options.
The ids at the side are those of the cases they serve.
"""

from dataclasses import replace

from tests.fhir import faults_of_exports as exports
from tests.fhir import faults_of_http as http
from tests.fhir import faults_of_pages as pages
from tests.fhir.fault import Fault
from tests.fhir.wire import Reset

FAULTS: dict[str, Fault] = {
    "next_on_base": pages.next_by_alias("{path}?_getpages={n}"),  # paging-01
    "next_relative": pages.next_by_alias("{path}?_getpages={n}", relative=True),  # paging-02
    "overlap": pages.on_page(pages.overlap),  # paging-03
    "total_too_high": pages.on_page(pages.total_too_high),  # paging-04
    "next_to_itself": pages.on_page(pages.next_to_itself),  # paging-05
    "empty_page": pages.empty_page,  # paging-06
    "with_outcome": pages.on_page(pages.with_outcome),  # paging-07
    "with_include": pages.on_page(pages.with_include),  # paging-08
    "with_hollow_entries": pages.on_page(pages.with_hollow_entries),  # paging-09
    "next_is": pages.on_page(pages.next_is),  # paging-10, security-01, security-03
    "next_long": pages.next_by_alias(pages.LONG),  # paging-11
    "no_match": pages.on_page(pages.no_match),  # paging-12
    "without_parameter": pages.without_parameter,  # paging-13, refresh-06
    "capped": pages.capped,  # paging-14
    "status": http.status,  # http-01, http-03, http-13, auth-03, bulk-01 to -03, refresh-03
    "bad_gateway": http.bad_gateway,  # http-02
    "later": http.later,  # http-04
    "reset_before": lambda _: Reset(drop=True),  # http-05
    "reset_in_body": http.reset_in_body,  # http-06
    "length_too_large": http.length_too_large,  # http-07
    "cut_by_close": http.cut("close"),  # http-08
    "cut_in_chunks": http.cut("cut-chunked"),  # http-09
    "empty": lambda x: replace(x.reply(), body=b""),  # http-10
    "dribble": http.dribble,  # http-11
    "cut_in_utf8": http.cut_in_utf8,  # http-12
    "plain_text": http.plain_text,  # http-14
    "bomb": http.bomb,  # http-15
    "several_members": http.several_members,  # http-16
    "throttle": http.throttle,  # http-17
    "redirect": http.redirect,  # security-02
    "expires_in": exports.on_json(exports.expires_in),  # auth-01
    "no_final_newline": exports.on_lines(b"\n".join),  # bulk-04
    "blank_lines": exports.on_lines(lambda lines: b"\n".join(exports._blank_between(lines))),  # bulk-05
    "crlf": exports.on_lines(lambda lines: b"".join(line + b"\r\n" for line in lines)),  # bulk-06
    "cut_in_last_line": exports.on_lines(exports._cut_in_last_line),  # bulk-07
    "with_other_type": exports.with_other_type,  # bulk-08
    "with_errors": exports.on_json(exports.with_errors),  # bulk-10
    "without_time": exports.on_json(exports.without_time),  # bulk-13
    "never_ends": exports.never_ends,  # bulk-14
    "type_is": exports.on_json(exports.type_is),  # security-04
    "file_is": exports.on_json(exports.file_is),  # security-03
}
