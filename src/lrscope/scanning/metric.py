"""The metric to judge a scan by: the names and words of `lrscope.curves.metric`, where diagnosis reads them too."""

from lrscope.curves.metric import Goal as Goal
from lrscope.curves.metric import choose_metric as choose_metric
from lrscope.curves.metric import infer_goal as infer_goal
from lrscope.curves.metric import is_bookkeeping as is_bookkeeping
from lrscope.curves.metric import is_loss as is_loss
from lrscope.curves.metric import is_validation as is_validation
