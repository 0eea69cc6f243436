"""The URLs of Glue. moto imports this module because of its name and place."""

from local_aws.glue.responses import GlueResponse

url_bases = [r"https?://glue\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/$": GlueResponse.dispatch}
