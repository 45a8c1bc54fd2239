"""What some servers do and others do not: each behaviour on the wire."""

from mock_exchange import Behaviours
from tests.mock_exchange.conftest import AGENT
from tests.mock_exchange.wire import CALENDAR, Factory, post

FOLDERS_BELOW = (
    '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>'
    f"<m:ParentFolderIds>{CALENDAR}</m:ParentFolderIds></m:FindFolder>"
)


def test_a_server_may_leave_out_the_root_where_there_is_no_folder(start: Factory):
    exchange = start(AGENT, behaviours=Behaviours(leaves_out_empty_root=True))
    reply = post(exchange, FOLDERS_BELOW)
    assert (reply.codes, reply.all("//m:RootFolder")) == (["NoError"], [])
    exchange.make_folder(AGENT, "Archives")
    assert len(post(exchange, FOLDERS_BELOW).all("//m:RootFolder")) == 1
